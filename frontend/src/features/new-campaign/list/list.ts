/** A list as it was dropped or pasted, and the contacts it becomes. */
import { hasHeading, keysOf, type Role, widthOf } from './headings';
import { isBlank, ListFault, type ListRecord, MOST_BYTES } from './records';
import { decode, startsWith } from './decode';

const ZIP = [0x50, 0x4b, 0x03, 0x04];

/** A contact as the API takes it: `nome`, `telefone` and variables, as written. */
export type Contact = Record<string, string>;

export interface ContactList {
  contacts: Contact[];
  /** `lines[i]` is where the owner of the list finds `contacts[i]`. */
  lines: number[];
  /** The names a text may use besides those every list has. */
  variables: string[];
}

/** What the kinds of lists need beyond this module, loaded before the first list is there. */
export async function loadReaders(): Promise<void> {
  await Promise.all([import('./csv'), import('./xlsx')]);
}

export async function readBytes(bytes: Uint8Array): Promise<ListRecord[]> {
  if (bytes.length > MOST_BYTES) throw new ListFault('tooLarge');
  if (startsWith(bytes, ZIP)) {
    const { xlsxRecords } = await import('./xlsx');
    return filled(await xlsxRecords(bytes));
  }
  return readText(decode(bytes));
}

export async function readText(text: string): Promise<ListRecord[]> {
  const { csvRecords } = await import('./csv');
  return filled(csvRecords(text.replace(/^\ufeff/, '')));
}

function filled(records: ListRecord[]): ListRecord[] {
  if (records.length === 0 || (records.length === 1 && hasHeading(records))) {
    throw new ListFault('empty');
  }
  return records;
}

export function bodyOf(records: readonly ListRecord[], heading: boolean): readonly ListRecord[] {
  return heading ? records.slice(1) : records;
}

/** Lines with more cells than there are columns: what is past them is left out. */
export function tooWide(records: readonly ListRecord[], heading: boolean): number[] {
  const width = widthOf(records, heading);
  return bodyOf(records, heading)
    .filter(({ cells }) => cells.length > width && !isBlank(cells.slice(width)))
    .map(({ line }) => line);
}

/** At most `most` contacts: the rest is another campaign's. */
export function contactsOf(
  records: readonly ListRecord[],
  heading: boolean,
  roles: readonly Role[],
  most: number,
): ContactList {
  const keys = keysOf(records, heading);
  const named = keys.map((key, at) => {
    const role = roles[at] ?? 'unused';
    return role === 'variable' ? key : role === 'unused' ? null : role;
  });
  const rows = bodyOf(records, heading).slice(0, most);
  return {
    contacts: rows.map(({ cells }) => {
      const contact: Contact = {};
      for (const [at, key] of named.entries()) if (key !== null) contact[key] = cells[at] ?? '';
      return contact;
    }),
    lines: rows.map(({ line }) => line),
    variables: keys.filter((_, at) => roles[at] === 'variable'),
  };
}
