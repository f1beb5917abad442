import { useTranslation } from 'react-i18next';
import { PageHeader } from '../../components/PageHeader';

export default function UsersPage() {
  const { t } = useTranslation('access');
  return <PageHeader title={t('users.title')} />;
}
