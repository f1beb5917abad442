/**
 * Texts. `src/locales` holds what every page uses, `src/features/<name>/locales` the rest; a page's
 * texts are loaded with it, in the language shown only. Keys are checked by the compiler.
 */
import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { preferredLanguage, rememberLanguage } from '../app/preferences';
import { type Language, LANGUAGES } from './languages';

type Texts = Record<string, unknown>;

const files = import.meta.glob<{ default: Texts }>([
  '../locales/*.json',
  '../features/*/locales/*.json',
]);

/** `common` is `src/locales`; any other namespace is the feature of that name. */
export function fileOf(namespace: string, language: string): string {
  return namespace === 'common'
    ? `../locales/${language}.json`
    : `../features/${namespace}/locales/${language}.json`;
}

const lazyFiles = {
  type: 'backend' as const,
  init() {},
  read(
    language: string,
    namespace: string,
    done: (error: unknown, texts: Texts | false) => void,
  ): void {
    const load = files[fileOf(namespace, language)];
    if (load === undefined) {
      done(new Error(`no texts: ${namespace} ${language}`), false);
      return;
    }
    load().then(
      (module) => {
        done(null, module.default);
      },
      (error: unknown) => {
        done(error, false);
      },
    );
  },
};

export async function startI18n(): Promise<void> {
  const language = preferredLanguage();
  await i18next
    .use(lazyFiles)
    .use(initReactI18next)
    .init({
      lng: language,
      supportedLngs: LANGUAGES,
      fallbackLng: false,
      load: 'currentOnly',
      ns: ['common'],
      defaultNS: 'common',
      interpolation: { escapeValue: false }, // React escapes
      returnNull: false,
    });
  document.documentElement.lang = language;
}

export async function changeLanguage(language: Language): Promise<void> {
  rememberLanguage(language);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
}
