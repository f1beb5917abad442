import { useTranslation } from 'react-i18next';

/** Why a campaign waits, in words; null: it does not. */
export function useWaiting(): (code: string | null) => string | null {
  const { t, i18n } = useTranslation();
  return (code) => {
    if (code === null) return null;
    const known: unknown = i18n.getResource(i18n.language, 'common', `waiting.${code}`);
    return typeof known === 'string' ? known : t('waiting.other', { code });
  };
}
