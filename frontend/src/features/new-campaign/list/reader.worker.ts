/** Reads lists beside the page, which stays as quick as it is. */
import { loadReaders, readBytes, readText } from './list';
import { ListFault, type ListFaultCode, type ListRecord } from './records';

export type Asked = { bytes: ArrayBuffer } | { text: string };
export type Told = { records: ListRecord[] } | { fault: ListFaultCode; line: number };

void loadReaders().catch(() => undefined); // a list that needs one asks again and says so

self.onmessage = async ({ data }: MessageEvent<Asked>) => {
  let told: Told;
  try {
    const read = 'text' in data ? readText(data.text) : readBytes(new Uint8Array(data.bytes));
    told = { records: await read };
  } catch (error) {
    const fault = error instanceof ListFault ? error : new ListFault('notAList');
    told = { fault: fault.code, line: fault.line };
  }
  self.postMessage(told);
};
