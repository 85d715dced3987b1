/**
 * The scan of all sockets that processes hold, by a program that the agent builds for the kernel it finds: one pass
 * over all tasks and their fd tables, in every namespace, without a system call or a text per process or socket.
 *
 *     btf.ts             what the kernel says of its types      /sys/kernel/btf/vmlinux
 *     kernel-layout.ts   the members that matter                offsets
 *     learn.ts           what no type tells                     an address, a level
 *     task-program.ts    for each process                       a task   } scan-memory.ts
 *     fd-program.ts      for each of its fds                    a socket }
 *     slot-program.ts    for each of its sockets                a record }
 *     imprint-program.ts for each process that was there in     nothing: its sockets are those of the last scan
 *                        the last scan
 *     loaded-scan.ts     the programs in the kernel             bytes in the agent's memory
 *
 * What no process holds is found by connection-walk.ts.
 *
 * It sees the agent's pid namespace and those below it. Needs Linux 6.2 with BTF, and CAP_BPF with CAP_PERFMON.
 */
import type { BpfCalls } from './bpf-calls.ts';
import { BpfError } from './bpf-error.ts';
import { grownRoom } from './growing-entries.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { learn } from './learn.ts';
import { LoadedScan } from './loaded-scan.ts';
import type { Extent, FoundSockets, ScanSizes } from './scan-maps.ts';
import { type SlotsPerCall, slotsPerCall } from './stack.ts';

/** What one scan can tell at most: 128 MiB and 16 MiB of the kernel's memory. */
export const largestSizes: ScanSizes = { records: 1 << 21, tasks: 1 << 18 };

/** Room at the start, 2 MiB and 256 KiB; a scan that finds it too small makes more and looks again. */
export const firstSizes: ScanSizes = { records: 1 << 15, tasks: 1 << 12 };

/** Room to start with, where so many TCP sockets are there: a quarter more, for UDP and for what several processes hold. */
export function roomFor(sockets: number): ScanSizes {
  const records = 2 ** Math.ceil(Math.log2(Math.max(1, sockets * 1.25)));
  return {
    ...firstSizes,
    records: Math.min(largestSizes.records, Math.max(firstSizes.records, records)),
  };
}

/** Programs in the kernel, with maps of a certain size. */
interface Loaded {
  readonly sizes: ScanSizes;
  run(extent: Extent): Promise<FoundSockets>;
  mark?(task: number): void;
  close(): void;
}

/** Rejects with BpfError. */
type LoadScan = (sizes: ScanSizes) => Promise<Loaded>;

export class SocketScan {
  /** How deep below the initial pid namespace the agent is. */
  readonly pidLevel: number;
  readonly #load: LoadScan;
  #loaded: Loaded;

  private constructor(load: LoadScan, loaded: Loaded, pidLevel: number) {
    this.pidLevel = pidLevel;
    this.#load = load;
    this.#loaded = loaded;
  }

  /** Of programs of any kind. Rejects with what `load` does. */
  static async load(load: LoadScan, pidLevel: number, sizes: ScanSizes): Promise<SocketScan> {
    return new SocketScan(load, await load(sizes), pidLevel);
  }

  /** Rejects with BpfError when the kernel refuses something. @param slots which program: see slotsPerCall */
  static async open(
    calls: BpfCalls,
    kernel: KernelLayout,
    sizes: ScanSizes = firstSizes,
    slots: SlotsPerCall = slotsPerCall.often,
  ): Promise<SocketScan> {
    const learned = await learn(calls, kernel, process.pid);
    return SocketScan.load(
      (wanted) => LoadedScan.load(calls, kernel, learned, wanted, slots),
      learned.pidLevel,
      sizes,
    );
  }

  get sizes(): ScanSizes {
    return this.#loaded.sizes;
  }

  /**
   * Looks at every process once. One at a time. Throws BpfError, or Node's error of read(2); not for want of room, which
   * the result tells.
   *
   * @param extent `changes` tells no records of processes whose sockets are what they were in the last run (taskLayout)
   */
  async run(extent: Extent = 'everything'): Promise<FoundSockets> {
    for (;;) {
      const found = await this.#loaded.run(extent);
      const larger = largerSizes(this.sizes, found);
      if (larger === null || !(await this.#makeRoom(larger))) return found;
    }
  }

  /** Has the next run read a process in any case. @param task its index in the last run */
  mark(task: number): void {
    this.#loaded.mark?.(task);
  }

  /** False where the kernel does not give it. */
  async #makeRoom(sizes: ScanSizes): Promise<boolean> {
    const before = this.#loaded;
    try {
      this.#loaded = await this.#load(sizes);
    } catch (error) {
      if (error instanceof BpfError) return false;
      throw error;
    }
    before.close();
    return true;
  }

  /** Idempotent. Not during a run. */
  close(): void {
    this.#loaded.close();
  }
}

/** Null when nothing was missed, or there cannot be more room. */
export function largerSizes(
  sizes: ScanSizes,
  missed: Pick<FoundSockets, 'missedRecords' | 'missedTasks'>,
): ScanSizes | null {
  const larger = {
    records: grownRoom(sizes.records, missed.missedRecords, largestSizes.records),
    tasks: grownRoom(sizes.tasks, missed.missedTasks, largestSizes.tasks),
  };
  return larger.records === sizes.records && larger.tasks === sizes.tasks ? null : larger;
}
