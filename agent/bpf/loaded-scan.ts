/** The scan program in the kernel, with maps of a certain size. */
import type { BpfCalls } from './bpf-calls.ts';
import { fdCallbacks, fdProgram } from './fd-program.ts';
import { iterate } from './iteration.ts';
import type { KernelLayout } from './kernel-layout.ts';
import type { Learned } from './learn.ts';
import { linkProgram } from './link-program.ts';
import { type FoundSockets, ScanMaps, type ScanSizes } from './scan-maps.ts';
import type { SlotsPerCall } from './stack.ts';
import { taskProgram } from './task-program.ts';

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
  static load(
    calls: BpfCalls,
    kernel: KernelLayout,
    learned: Learned,
    sizes: ScanSizes,
    slotsPerCall: SlotsPerCall,
  ): LoadedScan {
    const maps = ScanMaps.create(calls, sizes);
    try {
      return new LoadedScan(calls, sizes, maps, linkScan(calls, kernel, learned, maps, slotsPerCall));
    } catch (error) {
      maps.close();
      throw error;
    }
  }

  /** One at a time. Throws BpfError, or Node's error of read(2). */
  async run(): Promise<FoundSockets> {
    this.#maps.reset();
    await iterate(this.#calls, this.#link);
    return this.#maps.found();
  }

  /** Idempotent. Not during a run. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#calls.close(this.#link);
    this.#maps.close();
  }
}

function linkScan(
  calls: BpfCalls,
  kernel: KernelLayout,
  learned: Learned,
  maps: ScanMaps,
  slotsPerCall: SlotsPerCall,
): number {
  const { pidLevel, socketOperations } = learned;
  const { recordMap, taskMap, controlMap } = maps.fds;
  return linkProgram(calls, {
    name: 'scan_sockets',
    statements: [
      ...taskProgram(kernel, { taskMap, controlMap, pidLevel, slotsPerCall }),
      ...fdProgram(kernel, { recordMap, controlMap, socketOperations, slotsPerCall }),
    ],
    iterator: kernel.functions.taskIterator,
    callbacks: fdCallbacks,
    pid: null,
  });
}
