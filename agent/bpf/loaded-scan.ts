/** The scan program in the kernel, with maps of a certain size. */
import type { BpfCalls } from './bpf-calls.ts';
import { fdCallbacks, fdProgram } from './fd-program.ts';
import { imprintCallbacks, imprintFunctions } from './imprint-program.ts';
import { Imprints } from './imprints.ts';
import { iterate } from './iteration.ts';
import type { KernelLayout } from './kernel-layout.ts';
import type { Learned } from './learn.ts';
import { linkProgram } from './link-program.ts';
import { type Extent, type FoundSockets, ScanMaps, type ScanSizes } from './scan-maps.ts';
import { recordLayout } from './scan-memory.ts';
import { type SlotsPerCall, slotsPerCall } from './stack.ts';
import { taskProgram } from './task-program.ts';

/**
 * A scan of changes keeps the event loop when the last one was that short, and when so few sockets are there that it would
 * take no longer than a few milliseconds if all of them had changed.
 */
const shortMs = 2;
const shortRecordsMax = 1 << 15;

interface Maps {
  readonly scan: ScanMaps;
  /** Null where only one scan is made. */
  readonly imprints: Imprints | null;
}

export class LoadedScan {
  readonly sizes: ScanSizes;
  readonly #calls: BpfCalls;
  readonly #maps: Maps;
  readonly #link: number;
  /** How long the last scan of changes took, and how many records the last one of everything told. */
  #changesMs = Number.POSITIVE_INFINITY;
  #records = Number.POSITIVE_INFINITY;
  #isOpen = true;

  private constructor(calls: BpfCalls, sizes: ScanSizes, maps: Maps, link: number) {
    this.#calls = calls;
    this.sizes = sizes;
    this.#maps = maps;
    this.#link = link;
  }

  /** Rejects with BpfError. */
  static async load(
    calls: BpfCalls,
    kernel: KernelLayout,
    learned: Learned,
    sizes: ScanSizes,
    slots: SlotsPerCall,
  ): Promise<LoadedScan> {
    const scan = ScanMaps.create(calls, sizes);
    let imprints: Imprints | null = null;
    try {
      if (slots === slotsPerCall.often) imprints = Imprints.create(calls, sizes);
      const maps = { scan, imprints };
      return new LoadedScan(calls, sizes, maps, await linkScan(calls, kernel, learned, maps, slots));
    } catch (error) {
      imprints?.close();
      scan.close();
      throw error;
    }
  }

  /** One at a time. Throws BpfError, or Node's error of read(2). */
  async run(extent: Extent): Promise<FoundSockets> {
    const { scan, imprints } = this.#maps;
    scan.reset(imprints?.begin(extent));
    const isShort = extent === 'changes' && this.#changesMs <= shortMs && this.#records <= shortRecordsMax;
    const startedAtMs = performance.now();
    await iterate(this.#calls, this.#link, isShort);
    const found = scan.found();
    if (extent === 'changes') this.#changesMs = performance.now() - startedAtMs;
    else this.#records = found.records.length / recordLayout.bytes + found.missedRecords;
    imprints?.end(found);
    return found;
  }

  /** Has the next run read a process, whatever it recognises. @param task its index in the last run */
  mark(task: number): void {
    this.#maps.imprints?.mark(task);
  }

  /** Idempotent. Not during a run. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#calls.close(this.#link);
    this.#maps.scan.close();
    this.#maps.imprints?.close();
  }
}

function linkScan(
  calls: BpfCalls,
  kernel: KernelLayout,
  { pidLevel, socketOperations }: Learned,
  { scan, imprints }: Maps,
  slots: SlotsPerCall,
): Promise<number> {
  const { recordMap, taskMap, controlMap } = scan.fds;
  const common = { controlMap, socketOperations, slotsPerCall: slots };
  const imprint = imprints === null ? null : { ...imprints.fds, controlMap, socketOperations };
  return linkProgram(calls, {
    name: 'scan_sockets',
    statements: [
      ...taskProgram(kernel, { ...common, taskMap, pidLevel, imprint }),
      ...fdProgram(kernel, { ...common, recordMap, groupMap: imprint?.groupMap ?? null }),
      ...(imprint === null ? [] : imprintFunctions(kernel, imprint)),
    ],
    iterator: kernel.functions.taskIterator,
    callbacks: imprint === null ? fdCallbacks : [...fdCallbacks, ...imprintCallbacks],
    pid: null,
  });
}
