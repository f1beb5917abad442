import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError, NetworkError, SessionEnded } from '../api/errors';

/**
 * One sentence for any error. The API's own sentences are Portuguese; in other languages the codes
 * that people meet have a translation, the rest keep the API's words.
 */
export function useErrorText(): (error: unknown) => string {
  const { t, i18n } = useTranslation();
  return useCallback(
    (error: unknown): string => {
      if (error instanceof NetworkError) return t('error.network');
      if (error instanceof SessionEnded) return t('error.session');
      if (!(error instanceof ApiError)) return t('error.unexpected');
      if (i18n.language === 'pt-BR' && error.message !== '') return error.message;
      const translated: unknown = i18n.getResource(i18n.language, 'common', `error.codes.${error.code}`);
      if (typeof translated === 'string') return translated;
      return error.message === '' ? t('error.unexpected') : error.message;
    },
    [t, i18n],
  );
}
