import { useTranslation } from 'react-i18next';
import { PageHeader } from '../../components/PageHeader';

export default function ReportPage() {
  const { t } = useTranslation('campaign');
  return <PageHeader title={t('title')} />;
}
