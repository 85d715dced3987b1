/** /proc/sys/kernel/random/boot_id: a UUID that the kernel draws at every boot. */
import { isUnread, readRecordFile } from './proc-file.ts';

/** Null where it cannot be read. */
export function readBootId(procRoot: string): string | null {
  const bytes = readRecordFile(`${procRoot}/sys/kernel/random/boot_id`);
  return isUnread(bytes) ? null : parseBootId(bytes.toString('latin1'));
}

export function parseBootId(text: string): string | null {
  const match = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\n?$/.exec(text);
  return match === null ? null : match[1]!;
}
