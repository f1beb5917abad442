/** One record of a list, and where its owner finds it: the line of a CSV, the row of a sheet. */
export interface ListRecord {
  line: number;
  cells: string[];
}

/** Why a file cannot be used; each has a sentence under `fault` in the texts. */
export type ListFaultCode =
  | 'empty'
  | 'tooLarge'
  | 'oldExcel'
  | 'pdf'
  | 'compressed'
  | 'document'
  | 'notAList'
  | 'openQuote'
  | 'damagedXlsx'
  | 'unpacksTooFar';

export class ListFault extends Error {
  constructor(
    readonly code: ListFaultCode,
    readonly line = 0,
  ) {
    super(code);
    this.name = 'ListFault';
  }
}

export const MOST_BYTES = 50 * 1024 * 1024;

export const isBlank = (cells: readonly string[]): boolean =>
  cells.every((cell) => cell.trim() === '');
