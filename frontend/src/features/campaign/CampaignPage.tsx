import { useTranslation } from 'react-i18next';
import { PageHeader } from '../../components/PageHeader';

export default function CampaignPage() {
  const { t } = useTranslation('campaign');
  return <PageHeader title={t('title')} />;
}
