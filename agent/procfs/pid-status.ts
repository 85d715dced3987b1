/** /proc/PID/status: the user that a process acts as, and with which privileges. Layout: Documentation/filesystems/proc.rst, table 1-2. */
import { gone, isUnread, readRecordFile, type Unread } from './proc-file.ts';

/** Effective user id. */
export function readUid(path: string): number | Unread {
  const bytes = readRecordFile(`${path}/status`);
  return isUnread(bytes) ? bytes : (parseUid(bytes.toString('latin1')) ?? gone);
}

/** The second of `Uid:` real, effective, saved, file system; null when the line is missing. */
export function parseUid(text: string): number | null {
  const match = /^Uid:\t\d+\t(\d{1,10})\t/m.exec(text);
  return match === null ? null : Number(match[1]);
}

/** How many pid namespaces lie between the one that this /proc is of and that of the process, both counted; null = unknown. */
export function readPidDepth(path: string): number | null {
  const bytes = readRecordFile(`${path}/status`);
  return isUnread(bytes) ? null : parsePidDepth(bytes.toString('latin1'));
}

/** `NSpid:`, the pid in each of them, outermost first; null when the line is missing. */
export function parsePidDepth(text: string): number | null {
  const match = /^NSpid:((?:\t\d+)+)$/m.exec(text);
  return match === null ? null : match[1]!.split('\t').length - 1;
}

/** Bits of include/uapi/linux/capability.h: what reading the files of other users' processes takes. */
const capDacReadSearch = 1n << 2n;
const capSysPtrace = 1n << 19n;

/** Whether the process has the capabilities that open every /proc/PID/fd; null where that cannot be read. */
export function readMayInspectOthers(path: string): boolean | null {
  const bytes = readRecordFile(`${path}/status`);
  if (isUnread(bytes)) return null;
  const needed = capDacReadSearch | capSysPtrace;
  return (parseEffectiveCapabilities(bytes.toString('latin1')) & needed) === needed;
}

/** `CapEff:`, a bit set in hexadecimal; 0 when the line is missing. */
export function parseEffectiveCapabilities(text: string): bigint {
  const match = /^CapEff:\t([0-9a-f]{1,16})$/m.exec(text);
  return match === null ? 0n : BigInt(`0x${match[1]!}`);
}
