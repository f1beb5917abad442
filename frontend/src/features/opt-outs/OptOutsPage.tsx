import { useTranslation } from 'react-i18next';
import { PageHeader } from '../../components/PageHeader';

export default function OptOutsPage() {
  const { t } = useTranslation('opt-outs');
  return <PageHeader title={t('title')} />;
}
