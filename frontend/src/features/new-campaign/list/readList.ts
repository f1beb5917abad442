import { ListFault, type ListRecord, MOST_BYTES } from './records';
import type { Asked, Told } from './reader.worker';

/** The records of a file or of pasted text. Raises ListFault. */
export async function readList(source: File | string): Promise<ListRecord[]> {
  if (typeof source === 'string') return ask({ text: source });
  if (source.size > MOST_BYTES) throw new ListFault('tooLarge');
  const bytes = await source.arrayBuffer();
  return ask({ bytes }, [bytes]);
}

let waiting: Worker | null = null;

/** Loads the reader while a person still looks for the file. */
export function prepareReader(): void {
  if (waiting !== null) return;
  const made = reader();
  made.onerror = () => {
    if (waiting === made) waiting = null; // it could not be loaded: the list itself tries again
  };
  waiting = made;
}

function reader(): Worker {
  return new Worker(new URL('./reader.worker.ts', import.meta.url), { type: 'module' });
}

function ask(asked: Asked, given: Transferable[] = []): Promise<ListRecord[]> {
  const worker = waiting ?? reader();
  waiting = null;
  return new Promise<ListRecord[]>((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Told>) => {
      if ('records' in data) resolve(data.records);
      else reject(new ListFault(data.fault, data.line));
    };
    worker.onerror = () => {
      reject(new ListFault('notAList'));
    };
    worker.postMessage(asked, given);
  }).finally(() => {
    worker.terminate();
  });
}
