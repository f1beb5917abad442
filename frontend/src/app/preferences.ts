/** What this browser remembers of a person's taste. Nothing personal, never a token. */
import { DEFAULT_LANGUAGE, isLanguage, type Language } from '../i18n/languages';

const LANGUAGE = 'rapidflow.language';

export function preferredLanguage(): Language {
  const kept = read(LANGUAGE);
  return isLanguage(kept) ? kept : DEFAULT_LANGUAGE;
}

export function rememberLanguage(language: Language): void {
  write(LANGUAGE, language);
}

/** JSON kept under `rapidflow.<name>`: column mappings, table choices. */
export function readPreference(name: string): unknown {
  const kept = read(`rapidflow.${name}`);
  if (kept === null) return null;
  try {
    return JSON.parse(kept) as unknown;
  } catch {
    return null;
  }
}

export function writePreference(name: string, value: unknown): void {
  write(`rapidflow.${name}`, JSON.stringify(value));
}

// Browsers may refuse storage altogether; a preference is not worth an error.
/* eslint-disable no-restricted-globals */
function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // full or forbidden
  }
}
