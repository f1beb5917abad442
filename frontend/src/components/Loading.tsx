import { Center, Loader } from '@mantine/core';
import { useTranslation } from 'react-i18next';

/** While a page or its first answer is on the way. */
export function Loading() {
  const { t } = useTranslation();
  return (
    <Center mih={160} role="status" aria-label={t('loading')}>
      <Loader />
    </Center>
  );
}
