/** `{{nome}}` and any column, filled in as the engine does it: one pass, names by their fold. */

export const BUILT_IN = ['nome', 'primeiro_nome', 'telefone'] as const;

const VARIABLE = /\{\{([^{}\n]{1,120})\}\}/g;

/** A name without case, accents, spaces, `_` and `-`. */
export function foldName(name: string): string {
  return name
    .toLowerCase()
    .normalize('NFKD')
    .replaceAll(/[\p{M}\s_-]/gu, '');
}

export function render(template: string, contact: Readonly<Record<string, string>>): string {
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(contact)) {
    const folded = foldName(name);
    if (!values.has(folded)) values.set(folded, value.trim());
  }
  const name = (values.get('nome') ?? '').split(/\s+/).join(' ');
  values.set('nome', name);
  if (!values.has('primeironome')) values.set('primeironome', name.split(' ')[0] ?? '');
  return template.replaceAll(VARIABLE, (whole, written: string) => {
    const folded = foldName(written);
    return folded === '' ? whole : (values.get(folded) ?? '');
  });
}

/** Names the text uses that no contact has, as written, each once. */
export function unknownVariables(template: string, known: readonly string[]): string[] {
  const folded = new Set([...BUILT_IN, ...known].map(foldName));
  const unknown = new Map<string, string>();
  for (const [, written = ''] of template.matchAll(VARIABLE)) {
    const name = foldName(written);
    if (name !== '' && !folded.has(name) && !unknown.has(name)) unknown.set(name, written.trim());
  }
  return [...unknown.values()];
}
