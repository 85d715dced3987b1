/** A small value in a file of the agent's folder: one record (disk/records.ts) whose bytes are JSON. Damage shows. */
import { encodeRecord, recordHeaderBytes, scanRecords } from '../../disk/records.ts';

export type KeptValue = Readonly<Record<string, string | number>>;

export function encodeKept(value: KeptValue): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  const bytes = Buffer.alloc(recordHeaderBytes + json.length);
  encodeRecord([json], bytes, 0);
  return bytes;
}

/** The last whole one of a file that has several; null where none is. @param bytes null = there is no file */
export function parseKept(bytes: Buffer | null): KeptValue | null {
  let last: KeptValue | null = null;
  for (const found of bytes === null ? [] : scanRecords(bytes)) {
    if (found.kind === 'record') last = parseJson(found.bytes) ?? last;
  }
  return last;
}

function parseJson(bytes: Buffer): KeptValue | null {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return typeof value === 'object' && value !== null ? (value as KeptValue) : null;
  } catch {
    return null;
  }
}

/** A number of it that counts something, or null. */
export function countOf(value: KeptValue | null, name: string): number | null {
  const number = value?.[name];
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : null;
}
