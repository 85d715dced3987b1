/** Reads the task table that the scan program has written (taskLayout). */
import { taskLayout } from './scan-memory.ts';

/** A process as the kernel had it at the moment of the scan. */
export interface SeenTask {
  readonly pid: number;
  /** 0 when the parent is not in the agent's pid namespace. */
  readonly parentPid: number;
  /** Clock ticks since boot, as field 22 of /proc/PID/stat. */
  readonly startTicks: number;
  /** Inode number of its cgroup in the unified hierarchy. */
  readonly cgroup: bigint;
  readonly uid: number;
  readonly netns: number;
  readonly comm: string;
  /** The thread whose files were read. Differs from pid where the first thread has exited. */
  readonly tid: number;
}

/** USER_HZ is 100 on every machine that Node.js runs on. */
export const nsPerTick = 10_000_000n;

const taskWords = taskLayout.bytes / 4;

function wordOf(field: keyof typeof taskLayout.fields): number {
  return taskLayout.fields[field].offset / 4;
}

/** Words by which a thread is told from any other, also in another scan. */
const identity = [wordOf('pid'), wordOf('tid'), wordOf('startNs'), wordOf('startNs') + 1];

/** Words that are about the process, and not about its records. */
const ofRecords: readonly number[] = [wordOf('firstRecord'), wordOf('held'), wordOf('before')];
const description = Array.from({ length: taskWords }, (_, word) => word).filter(
  (word) => !ofRecords.includes(word),
);

/** Reads entry by entry: of most processes nobody asks for more than their namespace. */
export class TaskTable {
  /** Of no scan. */
  static readonly empty = new TaskTable(Buffer.alloc(0));
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  }

  /** Of a scan, copied; the very table of an earlier one where both are equal, so that nobody looks at the same twice. */
  static after(before: TaskTable, bytes: Buffer): TaskTable {
    return before.#bytes.equals(bytes) ? before : new TaskTable(Buffer.from(bytes));
  }

  get length(): number {
    return this.#bytes.length / taskLayout.bytes;
  }

  pid(index: number): number {
    return this.#u32(index, 'pid');
  }

  tid(index: number): number {
    return this.#u32(index, 'tid');
  }

  netns(index: number): number {
    return this.#u32(index, 'netns');
  }

  /** Which hash table its namespace keeps connections in: a number that only equality is asked of. */
  connections(index: number): bigint {
    return this.#u64(index, 'connections');
  }

  /** Index of its first record. */
  firstRecord(index: number): number {
    return this.#u32(index, 'firstRecord');
  }

  /** How many records tell of its sockets, in this scan or in an earlier one. */
  held(index: number): number {
    return this.#u32(index, 'held');
  }

  /** Its index in the last scan where its sockets are what they were, and no records are there; null where they are. */
  before(index: number): number | null {
    const before = this.#u32(index, 'before');
    return before === 0 ? null : before - 1;
  }

  /** Whether two entries are of one thread of one process, be it called otherwise meanwhile. */
  isSameThread(index: number, other: TaskTable, otherIndex: number): boolean {
    return this.#isEqual(identity, index, other, otherIndex);
  }

  /** Whether two entries tell the same of the process, wherever its records are. */
  isSame(index: number, other: TaskTable, otherIndex: number): boolean {
    return this.#isEqual(description, index, other, otherIndex);
  }

  task(index: number): SeenTask {
    return {
      pid: this.pid(index),
      parentPid: this.#u32(index, 'parentPid'),
      startTicks: Number(this.#u64(index, 'startNs') / nsPerTick),
      cgroup: this.#u64(index, 'cgroup'),
      uid: this.#u32(index, 'uid'),
      netns: this.netns(index),
      comm: this.#comm(index),
      tid: this.tid(index),
    };
  }

  #isEqual(words: readonly number[], index: number, other: TaskTable, otherIndex: number): boolean {
    const [at, otherAt] = [index * taskWords, otherIndex * taskWords];
    for (const word of words) if (this.#words[at + word] !== other.#words[otherAt + word]) return false;
    return true;
  }

  #u32(index: number, field: keyof typeof taskLayout.fields): number {
    return this.#bytes.readUInt32LE(index * taskLayout.bytes + taskLayout.fields[field].offset);
  }

  #u64(index: number, field: keyof typeof taskLayout.fields): bigint {
    return this.#bytes.readBigUInt64LE(index * taskLayout.bytes + taskLayout.fields[field].offset);
  }

  #comm(index: number): string {
    const { offset, bytes } = taskLayout.fields.comm;
    const start = index * taskLayout.bytes + offset;
    const end = this.#bytes.indexOf(0, start);
    return this.#bytes.toString('utf8', start, end < 0 ? start + bytes : Math.min(end, start + bytes));
  }
}
