/** CSV of any common dialect as numbered records. */
import Papa from 'papaparse';
import { headingScore } from './headings';
import { isBlank, ListFault, type ListRecord } from './records';

/** In this order where nothing else decides. */
const DELIMITERS = [';', '\t', '|', ','];
const SNIFFED = 30;

const LINE_ENDS = /\r\n|\r|\n/g;

export function csvRecords(text: string): ListRecord[] {
  const declared = /^"?sep=(.)"?[^\S\n]*\r?\n/i.exec(text);
  return declared === null
    ? parse(text, delimiterOf(text), 1)
    : parse(text.slice(declared[0].length), declared[1] ?? ';', 2);
}

function parse(text: string, delimiter: string, firstLine: number): ListRecord[] {
  const { data, errors } = Papa.parse<string[]>(text, { delimiter, skipEmptyLines: false });
  const records: ListRecord[] = [];
  const open = errors.find((error) => error.code === 'MissingQuotes')?.row ?? -1;
  let line = firstLine;
  let width = 0;
  for (const [at, cells] of data.entries()) {
    if (at === open) throw new ListFault('openQuote', line);
    width ||= cells.length;
    const begins = line;
    for (const cell of cells) {
      const ends = cell.match(LINE_ENDS);
      if (ends === null) continue;
      if (swallowed(cell, delimiter, width)) throw new ListFault('openQuote', begins);
      line += ends.length;
    }
    line += 1;
    if (!isBlank(cells)) records.push({ line: begins, cells: cells.map((cell) => cell.trim()) });
  }
  return records;
}

/** A cell that holds whole records was opened by a quote nobody closed: people would be lost. */
function swallowed(cell: string, delimiter: string, width: number): boolean {
  return cell
    .split(LINE_ENDS)
    .slice(1)
    .some((row) => row.split(delimiter).length - 1 >= Math.max(width - 1, 1));
}

/** The delimiter under which the first records agree best. */
function delimiterOf(text: string): string {
  let best = { delimiter: ';', score: [-1, 0, 0] };
  for (const delimiter of DELIMITERS) {
    const { data } = Papa.parse<string[]>(text, { delimiter, preview: SNIFFED });
    const score = agreement(data.filter((cells) => !isBlank(cells)));
    if (isMore(score, best.score)) best = { delimiter, score };
  }
  return best.delimiter;
}

function agreement(rows: readonly string[][]): number[] {
  const counts = new Map<number, number>();
  for (const cells of rows) counts.set(cells.length, (counts.get(cells.length) ?? 0) + 1);
  const [width, count] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [1, 0];
  if (width === 1) return [0, 0, 0];
  return [headingScore(rows[0] ?? []), count / rows.length, Math.min(width, 2)];
}

function isMore(score: readonly number[], than: readonly number[]): boolean {
  for (const [at, part] of score.entries()) {
    const other = than[at] ?? 0;
    if (part !== other) return part > other;
  }
  return false;
}
