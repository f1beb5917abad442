import { useTranslation } from 'react-i18next';
import { PageHeader } from '../../components/PageHeader';

export default function NewCampaignPage() {
  const { t } = useTranslation('new-campaign');
  return <PageHeader title={t('title')} />;
}
