import { useTranslation } from 'react-i18next';
import { useMay } from '../../app/useSession';
import { EmptyState } from '../../components/EmptyState';
import { ErrorPanel } from '../../components/ErrorPanel';
import { Loading } from '../../components/Loading';
import { PageHeader } from '../../components/PageHeader';
import { Flow } from './Flow';
import { useOptions } from './queries';

/** From a list of people to a campaign on its way. */
export default function NewCampaignPage() {
  const { t } = useTranslation('new-campaign');
  const may = useMay('operator');
  return (
    <>
      <PageHeader title={t('title')} />
      {may ? <Begin /> : <EmptyState title={t('forbidden.title')}>{t('forbidden.body')}</EmptyState>}
    </>
  );
}

function Begin() {
  const options = useOptions();
  if (options.data !== undefined) return <Flow options={options.data} />;
  if (options.error === null) return <Loading />;
  return <ErrorPanel error={options.error} onRetry={() => void options.refetch()} />;
}
