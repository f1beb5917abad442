/** Numbers as people paste them: one to a line, or parted by commas or semicolons. */
import { ApiError } from '../../api/errors';

export interface Given {
  telefone: string;
  /** As an editor counts: the first is 1. */
  line: number;
}

export function readLines(text: string): Given[] {
  return text
    .split(/\r?\n/)
    .flatMap((line, index) =>
      line
        .split(/[,;\t]/)
        .map((part) => part.trim())
        .filter((part) => part !== '')
        .map((telefone) => ({ telefone, line: index + 1 })),
    );
}

export interface LineFault extends Given {
  message: string;
}

/** What the API said of `telefones[2]`, beside the line it came from; null where it is another error. */
export function lineFaults(error: unknown, given: readonly Given[]): LineFault[] | null {
  if (!(error instanceof ApiError) || error.fields.length === 0) return null;
  const faults: LineFault[] = [];
  for (const field of error.fields) {
    const place = /^telefones\[(\d+)\]$/.exec(field.path)?.[1];
    const entry = place === undefined ? undefined : given[Number(place)];
    if (entry === undefined) return null;
    faults.push({ ...entry, message: field.message });
  }
  return faults;
}
