export const LANGUAGES = ['pt-BR', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Portuguese unless the person chose otherwise: the browser's language is not asked. */
export const DEFAULT_LANGUAGE: Language = 'pt-BR';

export function isLanguage(value: unknown): value is Language {
  return LANGUAGES.includes(value as Language);
}
