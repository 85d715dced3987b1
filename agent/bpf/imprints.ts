/**
 * What the scan keeps of each process until the next one: an imprint of it, and which slots of its fd table held sockets
 * that are settled.
 *
 *     imprints   two tables in one map: a scan reads the one that the last scan wrote, and writes the other
 *     groups     those of all processes one behind the other. A process that is recognised keeps its own; one that is read
 *                gets new ones behind the last. A scan of everything begins anew.
 */
import type { BpfCalls } from './bpf-calls.ts';
import { MappedArray } from './mapped-array.ts';
import type { Extent, FoundSockets, ImprintCounters, ScanSizes } from './scan-maps.ts';
import { imprintLayout, slotGroupLayout, taskLayout } from './scan-memory.ts';
import { createArrayMap } from './syscall.ts';

/** So many groups of slots there is room for, per record. A process for which there is none is read in every scan. */
export const groupsPerRecord = 2;

export class Imprints {
  readonly #calls: BpfCalls;
  readonly #imprints: MappedArray;
  readonly #groupMap: number;
  /** Where the table of the last scan begins, and how many processes are in it; 0 before the first, and while one goes on. */
  #first = 0;
  #tasks = 0;
  /** How many are in use. */
  #groups = 0;
  #isOpen = true;

  private constructor(calls: BpfCalls, imprints: MappedArray, groupMap: number) {
    this.#calls = calls;
    this.#imprints = imprints;
    this.#groupMap = groupMap;
  }

  /** Throws BpfError. */
  static create(calls: BpfCalls, { records, tasks }: ScanSizes): Imprints {
    const imprints = MappedArray.create(calls, 'imprints', imprintLayout.bytes, 2 * tasks);
    try {
      const groups = createArrayMap(calls, 'groups', slotGroupLayout.bytes, groupsPerRecord * records);
      return new Imprints(calls, imprints, groups);
    } catch (error) {
      imprints.close();
      throw error;
    }
  }

  /** Of the maps, as programs name them. */
  get fds(): { readonly imprintMap: number; readonly groupMap: number } {
    return { imprintMap: this.#imprints.fd, groupMap: this.#groupMap };
  }

  /** To be called before each scan. @returns what it is told */
  begin(extent: Extent): ImprintCounters {
    const imprintsBefore = this.#first;
    const tasksBefore = extent === 'changes' ? this.#tasks : 0;
    this.#first = imprintsBefore === 0 ? this.#imprints.entries / 2 : 0;
    // A scan that fails leaves nothing to compare with.
    this.#tasks = 0;
    const groups = tasksBefore === 0 ? 0 : this.#groups;
    return { tasksBefore, imprintsBefore, imprintsNow: this.#first, groups };
  }

  /** To be called after it. */
  end({ tasks, groups }: Pick<FoundSockets, 'tasks' | 'groups'>): void {
    this.#tasks = tasks.length / taskLayout.bytes;
    this.#groups = groups;
  }

  /** Has the next scan read a process. @param task its index in the last one */
  mark(task: number): void {
    if (task >= this.#tasks) return;
    const at = (this.#first + task) * imprintLayout.bytes;
    this.#imprints.bytes.writeUInt32LE(1, at + imprintLayout.fields.isMarked.offset);
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#imprints.close();
    this.#calls.close(this.#groupMap);
  }
}
