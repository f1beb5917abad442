import { useTranslation } from 'react-i18next';
import { PageHeader } from '../../components/PageHeader';

export default function InstancesPage() {
  const { t } = useTranslation('instances');
  return <PageHeader title={t('title')} />;
}
