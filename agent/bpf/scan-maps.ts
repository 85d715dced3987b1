/** The maps that a scan writes, and what stands in them after it. */
import type { BpfCalls } from './bpf-calls.ts';
import { MappedArray } from './mapped-array.ts';
import { controlLayout, recordLayout, taskLayout } from './scan-memory.ts';

/** How many sockets (counted once per process and fd) and processes the maps have room for. */
export interface ScanSizes {
  readonly records: number;
  readonly tasks: number;
}

/** `changes` tells nothing of processes whose sockets are what they were, where a scan came before. */
export type Extent = 'everything' | 'changes';

/** What stands in the maps until the next run. */
export interface FoundSockets {
  /** Of recordLayout and taskLayout, one after the other. They lie in the maps: not to be kept. */
  readonly records: Buffer;
  readonly tasks: Buffer;
  /** What found no room. */
  readonly missedRecords: number;
  readonly missedTasks: number;
  /** Listeners that have connections to accept. */
  readonly acceptQueues: number;
  /** Signs of connections that pass: see controlLayout. */
  readonly passing: number;
  /** Listeners whose queues may become others without a sign: see controlLayout. */
  readonly handshakes: number;
  /** Another number where the kernel's counts of connections without a file are others: see controlLayout. */
  readonly counts: bigint;
  /** How many of slotGroupLayout are in use. */
  readonly groups: number;
}

/** What a scan is told of the last one: see controlLayout. */
export type ImprintCounters = Readonly<
  Record<'tasksBefore' | 'imprintsBefore' | 'imprintsNow' | 'groups', number>
>;

export class ScanMaps {
  readonly #records: MappedArray;
  readonly #tasks: MappedArray;
  readonly #control: MappedArray;

  private constructor(records: MappedArray, tasks: MappedArray, control: MappedArray) {
    this.#records = records;
    this.#tasks = tasks;
    this.#control = control;
  }

  /** Throws BpfError. */
  static create(calls: BpfCalls, sizes: ScanSizes): ScanMaps {
    const maps: MappedArray[] = [];
    const create = (name: string, valueBytes: number, entries: number): MappedArray => {
      const map = MappedArray.create(calls, name, valueBytes, entries);
      maps.push(map);
      return map;
    };
    try {
      return new ScanMaps(
        create('records', recordLayout.bytes, sizes.records),
        create('tasks', taskLayout.bytes, sizes.tasks),
        create('control', controlLayout.bytes, 1),
      );
    } catch (error) {
      for (const map of maps) map.close();
      throw error;
    }
  }

  /** Of the maps, as programs name them. */
  get fds(): { readonly recordMap: number; readonly taskMap: number; readonly controlMap: number } {
    return { recordMap: this.#records.fd, taskMap: this.#tasks.fd, controlMap: this.#control.fd };
  }

  /** To be called before each scan. */
  reset(imprints: Partial<ImprintCounters> = {}): void {
    const control = this.#control.bytes;
    control.fill(0);
    for (const [name, value] of Object.entries(imprints) as [keyof ImprintCounters, number][]) {
      control.writeUInt32LE(value, controlLayout.fields[name].offset);
    }
  }

  /** To be called between two iterations of one scan: the second one visits every thread anew. */
  forgetThread(): void {
    const { threadFiles } = controlLayout.fields;
    this.#control.bytes.fill(0, threadFiles.offset, controlLayout.bytes);
  }

  found(): FoundSockets {
    const { fields } = controlLayout;
    const counter = (field: keyof typeof fields): number => {
      return this.#control.bytes.readUInt32LE(fields[field].offset);
    };
    return {
      records: this.#records.first(counter('records') * recordLayout.bytes),
      tasks: this.#tasks.first(counter('tasks') * taskLayout.bytes),
      missedRecords: counter('missedRecords'),
      missedTasks: counter('missedTasks'),
      acceptQueues: counter('acceptQueues'),
      passing: counter('passing'),
      handshakes: counter('handshakes'),
      counts: this.#control.bytes.readBigUInt64LE(fields.counts.offset),
      groups: counter('groups'),
    };
  }

  /** Idempotent. */
  close(): void {
    for (const map of [this.#records, this.#tasks, this.#control]) map.close();
  }
}
