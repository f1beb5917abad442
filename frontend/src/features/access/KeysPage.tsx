import { useTranslation } from 'react-i18next';
import { PageHeader } from '../../components/PageHeader';

export default function KeysPage() {
  const { t } = useTranslation('access');
  return <PageHeader title={t('keys.title')} />;
}
