/** The walk over TCP's connections for those that no file leads to (connection-program.ts), with a map of their records. */
import type { BpfCalls } from './bpf-calls.ts';
import { connectionCallbacks, connectionProgram } from './connection-program.ts';
import { GrowingEntries } from './growing-entries.ts';
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

export class ConnectionWalk {
  readonly #calls: BpfCalls;
  readonly #control: MappedArray;
  readonly #found: GrowingEntries;

  private constructor(calls: BpfCalls, control: MappedArray, found: GrowingEntries) {
    this.#calls = calls;
    this.#control = control;
    this.#found = found;
  }

  /** Rejects with BpfError. */
  static async open(
    calls: BpfCalls,
    kernel: KernelLayout,
    entries = firstConnections,
  ): Promise<ConnectionWalk> {
    const control = MappedArray.create(calls, 'walk', walkLayout.bytes, 1);
    const link = (recordMap: number): Promise<number> =>
      linkProgram(calls, {
        name: 'walk_tcp',
        statements: connectionProgram(kernel, { recordMap, controlMap: control.fd }),
        iterator: kernel.functions.taskIterator,
        callbacks: connectionCallbacks,
        pid: process.pid,
      });
    const room = { name: 'connections', bytesPerEntry: recordLayout.bytes, entriesMax: connectionsMax, link };
    try {
      return new ConnectionWalk(calls, control, await GrowingEntries.load(calls, room, entries));
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
      if (found === null || found.missedRecords === 0 || !(await this.#found.makeRoom(found.missedRecords)))
        return found;
    }
  }

  /** Idempotent. Not during a run. */
  close(): void {
    this.#found.close();
    this.#control.close();
  }

  async #runOnce(isThorough: boolean): Promise<FoundConnections | null> {
    const { fields } = walkLayout;
    const control = this.#control.bytes;
    const counter = (field: keyof typeof fields): number => control.readUInt32LE(fields[field].offset);
    control.fill(0);
    control.writeUInt32LE(isThorough ? 1 : 0, fields.isThorough.offset);
    for (let passes = 0; passes < passesMax; passes++) {
      await iterate(this.#calls, this.#found.link);
      if (counter('bucket') >= counter('buckets')) break;
    }
    if (counter('buckets') === 0) return null;
    return {
      records: this.#found.first(counter('records')),
      missedRecords: counter('missedRecords'),
    };
  }
}
