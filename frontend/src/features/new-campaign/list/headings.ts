/** Which column is the name, which the phone: by heading, else by what it holds. */
import type { ListRecord } from './records';

/** What becomes of a column. */
export type Role = 'nome' | 'telefone' | 'variable' | 'unused';

export const MOST_COLUMNS = 50;
const SAMPLE = 200;

/** Headings by how surely they name the column; the first found wins. */
const NAMES = [
  'nome', 'name', 'nome completo', 'full name', 'cliente', 'contato', 'contact', 'primeiro nome',
  'first name', 'destinatario', 'pessoa', 'aluno', 'paciente',
]; // prettier-ignore
const PHONES = [
  'whatsapp', 'whats', 'wpp', 'zap', 'celular', 'cel', 'mobile', 'telefone', 'phone', 'fone', 'tel',
  'telephone', 'numero', 'number', 'n', 'contato', 'contact',
]; // prettier-ignore
/** Headings that also name other things: believed only if phones are below. */
const WEAK = new Set(['numero', 'number', 'n', 'contato', 'contact']);

/** Case, accents and punctuation away: `Nº do Telefone (c/ DDD)` is `no do telefone c ddd`. */
export function fold(heading: string): string {
  return heading
    .toLowerCase()
    .normalize('NFD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^a-z0-9]+/g, ' ')
    .trim();
}

/** How much a first record looks like ours: a phone's heading, a name's heading. */
export function headingScore(cells: readonly string[]): number {
  const folded = cells.map(fold);
  return [NAMES, PHONES].filter((known) => folded.some((word) => known.includes(word))).length;
}

/** A heading holds no phone; a list without one begins with a person's. */
export function hasHeading(records: readonly ListRecord[]): boolean {
  return records.length > 0 && !records[0]?.cells.some(isPhoneLike);
}

/** 8 to 15 digits and little else: no date, no CPF, no e-mail. */
export function isPhoneLike(cell: string): boolean {
  if (!/^[=“"'+()\d\s./\-–‑_]+(?:[.,]\d+[eE]\+?\d+)?$/.test(cell)) return false;
  if (/^\d{3}\.\d{3}\.\d{3}-\d\d$|^\d{1,4}[-/.]\d{1,2}[-/.]\d{2,4}.*$/.test(cell.trim())) return false;
  const digits = cell.replaceAll(/\D/g, '').length;
  return digits >= 8 && digits <= 15;
}

/** A first proposal; the person has the last word. */
export function guessRoles(records: readonly ListRecord[], heading: boolean): Role[] {
  const headings = heading ? (records[0]?.cells ?? []) : [];
  const sample = records.slice(heading ? 1 : 0, SAMPLE + 1);
  const columns = widthOf(records, heading);
  const held = Array.from({ length: columns }, (_, at) =>
    sample.map(({ cells }) => (cells[at] ?? '').trim()).filter((cell) => cell !== ''),
  );
  const shares = held.map((cells) => share(cells, isPhoneLike));
  const folded = headings.map(fold);
  const phone = byHeading(folded, PHONES, (at, word) => !WEAK.has(word) || (shares[at] ?? 0) >= 0.5);
  const phoneAt = phone ?? mostly(shares);
  const name = byHeading(
    folded,
    NAMES,
    (at) => at !== phoneAt && (shares[at] ?? 0) <= 0.5,
  );
  const nameAt =
    name ?? held.findIndex((cells, at) => at !== phoneAt && cells.length > 0 && share(cells, isWord) >= 0.5);
  return Array.from({ length: columns }, (_, at): Role => {
    if (at === phoneAt) return 'telefone';
    if (at === nameAt) return 'nome';
    return at < MOST_COLUMNS ? 'variable' : 'unused';
  });
}

export function widthOf(records: readonly ListRecord[], heading: boolean): number {
  if (heading) return records[0]?.cells.length ?? 0;
  return records.slice(0, SAMPLE).reduce((most, { cells }) => Math.max(most, cells.length), 0);
}

/** A key for each column, all different: what the text calls it. */
export function keysOf(records: readonly ListRecord[], heading: boolean): string[] {
  const headings = heading ? (records[0]?.cells ?? []) : [];
  const taken = new Set(['nome', 'telefone']);
  return Array.from({ length: widthOf(records, heading) }, (_, at) => {
    const written = (headings[at] ?? '').replaceAll(/[{}\s]+/g, ' ').trim().slice(0, 100);
    const base = written || `coluna_${at + 1}`;
    let key = base;
    for (let number = 2; taken.has(key.toLowerCase()); number += 1) key = `${base}_${number}`;
    taken.add(key.toLowerCase());
    return key;
  });
}

function byHeading(
  folded: readonly string[],
  known: readonly string[],
  fits: (at: number, word: string) => boolean,
): number | null {
  for (const whole of [true, false]) {
    for (const word of known) {
      const at = folded.findIndex(
        (heading, index) =>
          (whole ? heading === word : ` ${heading} `.includes(` ${word} `)) && fits(index, word),
      );
      if (at !== -1) return at;
    }
  }
  return null;
}

function mostly(shares: readonly number[]): number {
  const best = Math.max(0, ...shares);
  return best >= 0.5 ? shares.indexOf(best) : -1;
}

const isWord = (cell: string): boolean => /\p{L}{2}/u.test(cell) && !cell.includes('@');

const share = (cells: readonly string[], is: (cell: string) => boolean): number =>
  cells.length === 0 ? 0 : cells.filter(is).length / cells.length;
