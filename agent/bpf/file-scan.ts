/**
 * The scan of all sockets that processes hold, with what Linux 5.11 has: one pass over the files of all processes, and one
 * over the processes (file-program.ts, process-list-program.ts). What it shows is what socket-scan.ts shows.
 *
 * The files come first: a process that is gone by the time that the processes are noted has let go of its sockets, and one
 * that has come since then shows them in the next scan.
 *
 * It sees the agent's pid namespace and those below it. Needs BTF, and CAP_BPF with CAP_PERFMON. It does not look at the
 * table of connections: that something passes is always possible.
 */
import type { BpfCalls } from './bpf-calls.ts';
import { fileProgram } from './file-program.ts';
import { iterate } from './iteration.ts';
import type { BasicLayout } from './kernel-layout.ts';
import { learn } from './learn.ts';
import { linkProgram } from './link-program.ts';
import { processListProgram } from './process-list-program.ts';
import { attributeRecords } from './record-groups.ts';
import { type FoundSockets, ScanMaps, type ScanSizes } from './scan-maps.ts';
import { firstSizes, SocketScan } from './socket-scan.ts';

/** Throws BpfError when the kernel refuses something. */
export async function openFileScan(
  calls: BpfCalls,
  kernel: BasicLayout,
  sizes: ScanSizes = firstSizes,
): Promise<SocketScan> {
  const { pidLevel } = await learn(calls, kernel, null);
  return SocketScan.load((wanted) => LoadedFileScan.load(calls, kernel, pidLevel, wanted), pidLevel, sizes);
}

class LoadedFileScan {
  readonly sizes: ScanSizes;
  readonly #calls: BpfCalls;
  readonly #maps: ScanMaps;
  /** In the order in which they run. */
  readonly #links: readonly number[];
  #isOpen = true;

  private constructor(calls: BpfCalls, sizes: ScanSizes, maps: ScanMaps, links: readonly number[]) {
    this.#calls = calls;
    this.sizes = sizes;
    this.#maps = maps;
    this.#links = links;
  }

  /** Rejects with BpfError. */
  static async load(
    calls: BpfCalls,
    kernel: BasicLayout,
    pidLevel: number,
    sizes: ScanSizes,
  ): Promise<LoadedFileScan> {
    const maps = ScanMaps.create(calls, sizes);
    const links: number[] = [];
    try {
      const { recordMap, taskMap, controlMap } = maps.fds;
      links.push(
        await linkProgram(calls, {
          name: 'scan_files',
          statements: fileProgram(kernel, { recordMap, controlMap, pidLevel }),
          iterator: kernel.functions.fileIterator,
          callbacks: [],
          pid: null,
        }),
      );
      links.push(
        await linkProgram(calls, {
          name: 'list_processes',
          statements: processListProgram(kernel, { taskMap, controlMap, pidLevel }),
          iterator: kernel.functions.taskIterator,
          callbacks: [],
          pid: null,
        }),
      );
      return new LoadedFileScan(calls, sizes, maps, links);
    } catch (error) {
      for (const link of links) calls.close(link);
      maps.close();
      throw error;
    }
  }

  /** One at a time. Throws BpfError, or Node's error of read(2). */
  async run(): Promise<FoundSockets> {
    this.#maps.reset();
    for (const link of this.#links) {
      await iterate(this.#calls, link);
      this.#maps.forgetThread();
    }
    const found = this.#maps.found();
    return { ...found, records: attributeRecords(found), passing: 1, handshakes: 1 };
  }

  /** Idempotent. Not during a run. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const link of this.#links) this.#calls.close(link);
    this.#maps.close();
  }
}
