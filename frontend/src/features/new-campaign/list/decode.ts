/** The text of a file, whatever program wrote it. */
import { ListFault, type ListFaultCode } from './records';

/** What people pick by mistake, by first bytes. */
const FOREIGN: readonly [readonly number[], ListFaultCode][] = [
  [[0xd0, 0xcf, 0x11, 0xe0], 'oldExcel'],
  [[0x25, 0x50, 0x44, 0x46], 'pdf'],
  [[0x1f, 0x8b], 'compressed'],
  [[0x7b, 0x5c, 0x72, 0x74, 0x66], 'document'],
];

export const startsWith = (bytes: Uint8Array, start: readonly number[]): boolean =>
  start.every((byte, at) => bytes[at] === byte);

/** UTF-8 with or without its mark, UTF-16, else the Windows encoding of Western Europe. */
export function decode(bytes: Uint8Array): string {
  for (const [start, code] of FOREIGN) if (startsWith(bytes, start)) throw new ListFault(code);
  const text = decodeAs(bytes, encodingOf(bytes));
  const sample = text.slice(0, 10_000);
  // eslint-disable-next-line no-control-regex -- controls are what tells a program from a list
  const controls = sample.match(/[\x00-\x08\x0e-\x1f]/g)?.length ?? 0;
  if (controls * 10 > sample.length) throw new ListFault('notAList');
  return text.replaceAll('\0', '');
}

function encodingOf(bytes: Uint8Array): string | null {
  if (startsWith(bytes, [0xff, 0xfe])) return 'utf-16le';
  if (startsWith(bytes, [0xfe, 0xff])) return 'utf-16be';
  const odd = bytes.subarray(0, 200).filter((_, at) => at % 2 === 1);
  if (odd.length > 0 && odd.filter((byte) => byte === 0).length > odd.length * 0.8) return 'utf-16le';
  return null;
}

function decodeAs(bytes: Uint8Array, encoding: string | null): string {
  if (encoding !== null) return new TextDecoder(encoding).decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}
