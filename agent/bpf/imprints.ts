/**
 * What the scan keeps of each process until the next one: an imprint of it, and which slots of its fd table held sockets
 * that are settled.
 *
 *     imprints   two tables in one map: a scan reads the one that the last scan wrote, and writes the other
 *     marks      of the processes in the table of the last scan: which are to be read whatever they look like. The agent has
 *                them in its own memory, where the other maps would count as well if it looked into them
 *     groups     those of all processes one behind the other. A process that is recognised keeps its own; one that is read
 *                gets new ones behind the last. A scan of everything begins anew.
 */
import type { BpfCalls } from './bpf-calls.ts';
import { MappedArray } from './mapped-array.ts';
import type { Extent, FoundSockets, ImprintCounters, ScanSizes } from './scan-maps.ts';
import { imprintLayout, markLayout, slotGroupLayout, taskLayout } from './scan-memory.ts';
import { createArrayMap } from './syscall.ts';

/** So many groups of slots there is room for, per record. A process for which there is none is read in every scan. */
export const groupsPerRecord = 2;

/** Fds of the maps, as programs name them. */
interface ImprintFds {
  readonly imprintMap: number;
  readonly markMap: number;
  readonly groupMap: number;
}

export class Imprints {
  readonly fds: ImprintFds;
  readonly #calls: BpfCalls;
  /** How many processes a table has room for. */
  readonly #tasksMax: number;
  readonly #marks: MappedArray;
  /** Where the table of the last scan begins, and how many processes are in it; 0 before the first, and while one goes on. */
  #first = 0;
  #tasks = 0;
  /** How many are in use. */
  #groups = 0;
  #isOpen = true;

  private constructor(calls: BpfCalls, tasksMax: number, marks: MappedArray, fds: ImprintFds) {
    this.#calls = calls;
    this.#tasksMax = tasksMax;
    this.#marks = marks;
    this.fds = fds;
  }

  /** Throws BpfError. */
  static create(calls: BpfCalls, { records, tasks }: ScanSizes): Imprints {
    const fds: number[] = [];
    try {
      const imprintMap = createArrayMap(calls, 'imprints', imprintLayout.bytes, 2 * tasks);
      fds.push(imprintMap);
      const groupMap = createArrayMap(calls, 'groups', slotGroupLayout.bytes, groupsPerRecord * records);
      fds.push(groupMap);
      const marks = MappedArray.create(calls, 'marks', markLayout.bytes, tasks);
      return new Imprints(calls, tasks, marks, { imprintMap, markMap: marks.fd, groupMap });
    } catch (error) {
      for (const fd of fds) calls.close(fd);
      throw error;
    }
  }

  /** To be called before each scan. @returns what it is told */
  begin(extent: Extent): ImprintCounters {
    const imprintsBefore = this.#first;
    const tasksBefore = extent === 'changes' ? this.#tasks : 0;
    this.#first = imprintsBefore === 0 ? this.#tasksMax : 0;
    // A scan that fails leaves nothing to compare with.
    this.#tasks = 0;
    const groups = tasksBefore === 0 ? 0 : this.#groups;
    return { tasksBefore, imprintsBefore, imprintsNow: this.#first, groups };
  }

  /** To be called after it. */
  end({ tasks, groups }: Pick<FoundSockets, 'tasks' | 'groups'>): void {
    this.#tasks = tasks.length / taskLayout.bytes;
    this.#groups = groups;
    this.#marks.bytes.fill(0);
  }

  /** Has the next scan read a process. @param task its index in the last one */
  mark(task: number): void {
    if (task >= this.#tasks) return;
    this.#marks.bytes.writeUInt32LE(1, task * markLayout.bytes + markLayout.fields.isMarked.offset);
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#marks.close();
    this.#calls.close(this.fds.imprintMap);
    this.#calls.close(this.fds.groupMap);
  }
}
