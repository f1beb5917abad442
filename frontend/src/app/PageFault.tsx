import { useTranslation } from 'react-i18next';
import { useRouteError } from 'react-router';
import { ErrorPanel } from '../components/ErrorPanel';

/** A page that could not be shown: most often a file of a version that has been replaced. */
export function PageFault() {
  const { t } = useTranslation();
  return (
    <ErrorPanel
      error={useRouteError()}
      title={t('error.page')}
      onRetry={() => {
        location.reload();
      }}
    />
  );
}
