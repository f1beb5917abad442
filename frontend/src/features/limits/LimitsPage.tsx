import { useTranslation } from 'react-i18next';
import { PageHeader } from '../../components/PageHeader';

export default function LimitsPage() {
  const { t } = useTranslation('limits');
  return <PageHeader title={t('title')} />;
}
