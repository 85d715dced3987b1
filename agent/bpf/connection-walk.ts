/** The walk over TCP's connections for those that no file leads to (connection-program.ts), with a map of their records. */
import type { BpfCalls } from './bpf-calls.ts';
import { BpfError } from './bpf-error.ts';
import { connectionCallbacks, connectionProgram } from './connection-program.ts';
import { iterate } from './iteration.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { linkProgram } from './link-program.ts';
import { MappedArray } from './mapped-array.ts';
import { recordLayout, walkLayout } from './scan-memory.ts';

/** Room at the start, 256 KiB, and at most, 64 MiB: there may be many in TIME_WAIT. */
export const firstConnections = 1 << 12;
export const connectionsMax = 1 << 20;

/** A table has 2^24 buckets at most, and each thread of the agent looks at 2^16 of them. */
const passesMax = 256;

export interface FoundConnections {
  /** Of recordLayout, without a process. They lie in the map until the next run: not to be touched after close(). */
  readonly records: Buffer;
  /** What found no room. */
  readonly missedRecords: number;
}

interface Loaded {
  readonly records: MappedArray;
  readonly link: number;
}

export class ConnectionWalk {
  readonly #calls: BpfCalls;
  readonly #kernel: KernelLayout;
  readonly #control: MappedArray;
  #loaded: Loaded;
  #isOpen = true;

  private constructor(calls: BpfCalls, kernel: KernelLayout, control: MappedArray, loaded: Loaded) {
    this.#calls = calls;
    this.#kernel = kernel;
    this.#control = control;
    this.#loaded = loaded;
  }

  /** Throws BpfError. */
  static open(calls: BpfCalls, kernel: KernelLayout, entries = firstConnections): ConnectionWalk {
    const control = MappedArray.create(calls, 'walk', walkLayout.bytes, 1);
    try {
      return new ConnectionWalk(calls, kernel, control, load(calls, kernel, control, entries));
    } catch (error) {
      control.close();
      throw error;
    }
  }

  /**
   * Looks at the table of the agent's network namespace, which nearly always is that of all. One at a time. Throws
   * BpfError, or Node's error of read(2).
   *
   * @param isThorough open connections too: those in an accept queue, and the kernel's own
   * @returns null where the table is too small to be walked
   */
  async run(isThorough: boolean): Promise<FoundConnections | null> {
    for (;;) {
      const found = await this.#runOnce(isThorough);
      if (found === null || found.missedRecords === 0 || !this.#makeRoom(found.missedRecords)) return found;
    }
  }

  /** False where there is none, or the kernel does not give it. */
  #makeRoom(missed: number): boolean {
    const before = this.#loaded;
    const { entries } = before.records;
    if (entries === connectionsMax) return false;
    const wanted = Math.min(connectionsMax, 2 ** Math.ceil(Math.log2((entries + missed) * 1.5)));
    try {
      this.#loaded = load(this.#calls, this.#kernel, this.#control, wanted);
    } catch (error) {
      if (error instanceof BpfError) return false;
      throw error;
    }
    unload(this.#calls, before);
    return true;
  }

  /** Idempotent. Not during a run. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    unload(this.#calls, this.#loaded);
    this.#control.close();
  }

  async #runOnce(isThorough: boolean): Promise<FoundConnections | null> {
    const { fields } = walkLayout;
    const { records, link } = this.#loaded;
    const control = this.#control.bytes;
    const counter = (field: keyof typeof fields): number => control.readUInt32LE(fields[field].offset);
    control.fill(0);
    control.writeUInt32LE(isThorough ? 1 : 0, fields.isThorough.offset);
    for (let passes = 0; passes < passesMax; passes++) {
      await iterate(this.#calls, link);
      if (counter('bucket') >= counter('buckets')) break;
    }
    if (counter('buckets') === 0) return null;
    return {
      records: records.bytes.subarray(0, counter('records') * recordLayout.bytes),
      missedRecords: counter('missedRecords'),
    };
  }
}

function load(calls: BpfCalls, kernel: KernelLayout, control: MappedArray, entries: number): Loaded {
  const records = MappedArray.create(calls, 'connections', recordLayout.bytes, entries);
  try {
    const link = linkProgram(calls, {
      name: 'walk_tcp',
      statements: connectionProgram(kernel, { recordMap: records.fd, controlMap: control.fd }),
      iterator: kernel.functions.taskIterator,
      callbacks: connectionCallbacks,
      pid: process.pid,
    });
    return { records, link };
  } catch (error) {
    records.close();
    throw error;
  }
}

function unload(calls: BpfCalls, { records, link }: Loaded): void {
  calls.close(link);
  records.close();
}
