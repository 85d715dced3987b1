/** Brings the records of one iteration and the processes of a later one together, in place. */
import type { FoundSockets } from './scan-maps.ts';
import { recordLayout, taskLayout } from './scan-memory.ts';

/** In words of 32 bits, as all that is read here. */
const recordWords = recordLayout.bytes / 4;
const taskWords = taskLayout.bytes / 4;
const recordPid = recordLayout.fields.pid.offset / 4;
const recordStart = recordLayout.fields.startLow.offset / 4;
const taskPid = taskLayout.fields.pid.offset / 4;
const taskStart = taskLayout.fields.startNs.offset / 4;
const taskFirstRecord = taskLayout.fields.firstRecord.offset / 4;
const taskHeld = taskLayout.fields.held.offset / 4;

/**
 * Writes to each process where its records begin, and how many they are. Both iterations visit processes in the same order, so records without a
 * process are those of one that is gone, and are left out.
 *
 * @returns the records that are left, which lie where they lay
 */
export function attributeRecords(found: Pick<FoundSockets, 'records' | 'tasks'>): Buffer {
  const [records, tasks] = [wordsOf(found.records), wordsOf(found.tasks)];
  let task = 0;
  let kept = 0;
  for (let at = 0; at < records.length; ) {
    const next = endOfGroup(records, at);
    const holder = findHolder(tasks, task, records[at + recordPid]!, records[at + recordStart]!);
    if (holder < tasks.length) {
      for (; task <= holder; task += taskWords) tasks[task + taskFirstRecord] = kept / recordWords;
      tasks[holder + taskHeld] = (next - at) / recordWords;
      if (kept !== at) records.copyWithin(kept, at, next);
      kept += next - at;
    }
    at = next;
  }
  for (; task < tasks.length; task += taskWords) tasks[task + taskFirstRecord] = kept / recordWords;
  return found.records.subarray(0, kept * 4);
}

/** Where the records of one process, which begin at `start`, end. */
function endOfGroup(records: Uint32Array, start: number): number {
  const [pid, startLow] = [records[start + recordPid], records[start + recordStart]];
  let at = start + recordWords;
  while (records[at + recordPid] === pid && records[at + recordStart] === startLow) at += recordWords;
  return at;
}

/** Where the process of that pid and start is, at or after `from`; the end of all when it is gone. */
function findHolder(tasks: Uint32Array, from: number, pid: number, startLow: number): number {
  let task = from;
  while (task < tasks.length && (tasks[task + taskPid] !== pid || tasks[task + taskStart] !== startLow)) {
    task += taskWords;
  }
  return task;
}

function wordsOf({ buffer, byteOffset, length }: Buffer): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length / 4);
}
