/** /proc/PID/stat: identity and kind of a process. Layout: Documentation/filesystems/proc.rst, table 1-4. */
import { gone, isUnread, readRecordFile, type Unread } from './proc-file.ts';

export interface PidStat {
  /** Field 2, chosen by the process: may hold spaces, parentheses and control characters. */
  readonly comm: string;
  /** Field 3, one letter: R, S, D, Z ... */
  readonly state: string;
  /** Field 9 has PF_KTHREAD: a thread of the kernel, which holds no files. */
  readonly isKernelThread: boolean;
  /** Field 20. */
  readonly threads: number;
  /** Field 22, clock ticks since boot. */
  readonly startTicks: number;
}

/** PF_KTHREAD of include/linux/sched.h. */
const kernelThreadFlag = 0x00200000;

const openParenthesis = 0x28;
const closeParenthesis = 0x29;

/** @param path folder of the process or thread. An unreadable content counts as gone: the kernel never writes one. */
export function readPidStat(path: string): PidStat | Unread {
  const bytes = readRecordFile(`${path}/stat`);
  return isUnread(bytes) ? bytes : (parsePidStat(bytes) ?? gone);
}

/** Null when the text is no stat line. The name ends at the LAST parenthesis, because it may contain some itself. */
export function parsePidStat(bytes: Buffer): PidStat | null {
  const open = bytes.indexOf(openParenthesis);
  const close = bytes.lastIndexOf(closeParenthesis);
  if (open < 0 || close < open) return null;
  // Field 3 is the first one after the name.
  const fields = bytes.toString('latin1', close + 2, bytes.length).split(' ');
  const [threads, startTicks] = [countOf(fields[20 - 3]), countOf(fields[22 - 3])];
  if (threads === null || startTicks === null) return null;
  return {
    comm: bytes.toString('utf8', open + 1, close),
    state: fields[0]!,
    isKernelThread: (Number(fields[9 - 3]) & kernelThreadFlag) !== 0,
    threads,
    startTicks,
  };
}

/** Null when the field is missing, or no number that counts something. */
function countOf(field: string | undefined): number | null {
  const number = Number(field || Number.NaN);
  return Number.isSafeInteger(number) && number >= 0 ? number : null;
}
