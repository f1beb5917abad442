/** How the columns of a list were used last time. Headings are kept as a sum, cells never. */
import { readPreference, writePreference } from '../../../app/preferences';
import { fold, type Role } from './headings';

const NAME = 'listColumns';
const MOST_LISTS = 30;
const ROLES: readonly unknown[] = ['nome', 'telefone', 'variable', 'unused'];

type Kept = [sum: string, roles: Role[]][];

export function recallRoles(headings: readonly string[]): Role[] | null {
  const sum = sumOf(headings);
  const found = kept().find(([known]) => known === sum)?.[1];
  return found?.length === headings.length ? found : null;
}

export function rememberRoles(headings: readonly string[], roles: readonly Role[]): void {
  const sum = sumOf(headings);
  const others = kept().filter(([known]) => known !== sum);
  writePreference(NAME, [[sum, [...roles]], ...others].slice(0, MOST_LISTS));
}

function kept(): Kept {
  const found = readPreference(NAME);
  if (!Array.isArray(found)) return [];
  return found.filter(
    (one): one is Kept[number] =>
      Array.isArray(one) &&
      typeof one[0] === 'string' &&
      Array.isArray(one[1]) &&
      one[1].every((role) => ROLES.includes(role)),
  );
}

/** FNV-1a: enough to know a list's heading again. */
function sumOf(headings: readonly string[]): string {
  let sum = 0x811c9dc5;
  for (const char of headings.map(fold).join('\u0001')) {
    sum = Math.imul(sum ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return `${headings.length}-${sum.toString(16)}`;
}
