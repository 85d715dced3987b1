/** The scan program in the kernel, with maps of a certain size. */
import type { BpfCalls } from './bpf-calls.ts';
import { fdProgram, walkCallback } from './fd-program.ts';
import { iterate } from './iteration.ts';
import type { KernelLayout } from './kernel-layout.ts';
import type { Learned } from './learn.ts';
import { linkProgram } from './link-program.ts';
import { MappedArray } from './mapped-array.ts';
import { controlLayout, recordLayout, taskLayout } from './scan-memory.ts';
import { taskProgram } from './task-program.ts';

/** How many sockets (counted once per process and fd) and processes the maps have room for. */
export interface ScanSizes {
  readonly records: number;
  readonly tasks: number;
}

/** What stands in the maps until the next run. */
export interface FoundSockets {
  /** Of recordLayout and taskLayout, one after the other. They lie in the maps: not to be touched after close(). */
  readonly records: Buffer;
  readonly tasks: Buffer;
  /** What found no room. */
  readonly missedRecords: number;
  readonly missedTasks: number;
  /** Listeners that have connections to accept. */
  readonly acceptQueues: number;
  /** Signs of connections that pass: see controlLayout. */
  readonly passing: number;
}

interface ScanMaps {
  readonly records: MappedArray;
  readonly tasks: MappedArray;
  readonly control: MappedArray;
}

export class LoadedScan {
  readonly sizes: ScanSizes;
  readonly #calls: BpfCalls;
  readonly #maps: ScanMaps;
  readonly #link: number;
  #isOpen = true;

  private constructor(calls: BpfCalls, sizes: ScanSizes, maps: ScanMaps, link: number) {
    this.#calls = calls;
    this.sizes = sizes;
    this.#maps = maps;
    this.#link = link;
  }

  /** Throws BpfError. */
  static load(calls: BpfCalls, kernel: KernelLayout, learned: Learned, sizes: ScanSizes): LoadedScan {
    const maps: Partial<Record<keyof ScanMaps, MappedArray>> = {};
    try {
      maps.records = MappedArray.create(calls, 'records', recordLayout.bytes, sizes.records);
      maps.tasks = MappedArray.create(calls, 'tasks', taskLayout.bytes, sizes.tasks);
      maps.control = MappedArray.create(calls, 'control', controlLayout.bytes, 1);
      const all: ScanMaps = { records: maps.records, tasks: maps.tasks, control: maps.control };
      return new LoadedScan(calls, sizes, all, linkScan(calls, kernel, learned, all));
    } catch (error) {
      for (const map of Object.values(maps)) map.close();
      throw error;
    }
  }

  /** One at a time. Throws BpfError, or Node's error of read(2). */
  async run(): Promise<FoundSockets> {
    const { records, tasks, control } = this.#maps;
    const { fields } = controlLayout;
    control.bytes.fill(0);
    await iterate(this.#calls, this.#link);
    const counter = (field: keyof typeof fields): number => control.bytes.readUInt32LE(fields[field].offset);
    return {
      records: records.bytes.subarray(0, counter('records') * recordLayout.bytes),
      tasks: tasks.bytes.subarray(0, counter('tasks') * taskLayout.bytes),
      missedRecords: counter('missedRecords'),
      missedTasks: counter('missedTasks'),
      acceptQueues: counter('acceptQueues'),
      passing: counter('passing'),
    };
  }

  /** Idempotent. Not during a run. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#calls.close(this.#link);
    for (const map of Object.values(this.#maps) as MappedArray[]) map.close();
  }
}

function linkScan(calls: BpfCalls, kernel: KernelLayout, learned: Learned, maps: ScanMaps): number {
  const { pidLevel, socketOperations } = learned;
  const [recordMap, taskMap, controlMap] = [maps.records.fd, maps.tasks.fd, maps.control.fd];
  return linkProgram(calls, {
    name: 'scan_sockets',
    statements: [
      ...taskProgram(kernel, { taskMap, controlMap, pidLevel }),
      ...fdProgram(kernel, { recordMap, controlMap, socketOperations }),
    ],
    iterator: kernel.functions.taskIterator,
    callbacks: [walkCallback],
    pid: null,
  });
}
