/** The first filled sheet of an XLSX as numbered records. */
import { unzipSync, zipSync } from 'fflate';
import readSheets, { type CellValue } from 'read-excel-file/universal';
import { isBlank, ListFault, type ListRecord, MOST_BYTES } from './records';

const MOST_PARTS = 2000;

export async function xlsxRecords(bytes: Uint8Array): Promise<ListRecord[]> {
  const unpacked = unpack(bytes);
  if (!('xl/workbook.xml' in unpacked)) throw new ListFault('compressed');
  try {
    const sheets = await readSheets(repacked(unpacked));
    for (const { data } of sheets) {
      const records = data
        .map((row, at) => ({ line: at + 1, cells: row.map(cellText) }))
        .filter(({ cells }) => !isBlank(cells));
      if (records.length > 0) return records;
    }
    return [];
  } catch {
    throw new ListFault('damagedXlsx');
  }
}

function unpack(bytes: Uint8Array): Record<string, Uint8Array> {
  let size = 0;
  let parts = 0;
  try {
    return unzipSync(bytes, {
      filter: (part) => {
        size += part.originalSize;
        parts += 1;
        if (size > MOST_BYTES || parts > MOST_PARTS) throw new ListFault('unpacksTooFar');
        return /\.(xml|rels)$/.test(part.name);
      },
    });
  } catch (error) {
    throw error instanceof ListFault ? error : new ListFault('damagedXlsx');
  }
}

/** Uncompressed: the reader would unpack large parts in workers made of blobs, which our content
 * security policy forbids; what is only stored it takes as it is. */
function repacked(parts: Record<string, Uint8Array>): ArrayBuffer {
  return zipSync(parts, { level: 0 }).slice().buffer;
}

/** A cell as a person reads it: dates in the Brazilian order, no exponents. */
export function cellText(cell: CellValue | null): string {
  if (cell === null) return '';
  if (typeof cell === 'boolean') return cell ? 'sim' : 'não';
  if (cell instanceof Date) return dateText(cell);
  if (typeof cell === 'number' && Number.isInteger(cell)) return BigInt(cell).toString();
  return String(cell).trim();
}

function dateText(date: Date): string {
  const iso = date.toISOString();
  const [year, month, day] = iso.slice(0, 10).split('-');
  const time = iso.slice(11, 16);
  return `${day}/${month}/${year}${time === '00:00' ? '' : ` ${time}`}`;
}
