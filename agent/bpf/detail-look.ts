/** Executable and command line of some processes, by the programs of detail-program.ts. */
import { setTimeout } from 'node:timers/promises';
import { TimeSlice } from '../procfs/time-slice.ts';
import type { BpfCalls } from './bpf-calls.ts';
import type { DetailKernel } from './detail-kernel.ts';
import { detailControl, detailLayout, wantedMask } from './detail-memory.ts';
import { detailCallbacks, detailProgram } from './detail-program.ts';
import { iterate } from './iteration.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { linkProgram } from './link-program.ts';
import { MappedArray } from './mapped-array.ts';
import { nsPerTick } from './task-table.ts';

/** How many processes are described by one pass over all: 400 KiB of memory, which all stays taken. */
export const detailsPerPass = 64;

/** How often a look comes back to a process that was changing its memory each time. */
const passesMax = 4;
const busyPauseMs = 1;

/** As the kernel has them at the moment of the look. */
export interface SeenDetails {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTicks: number;
  /** Null for a path that is unknown. */
  readonly exe: string | null;
  /** As the content of /proc/PID/cmdline; empty where they could not be read. Lies in the map: not to be kept. */
  readonly args: Buffer;
}

const { fields: shared } = detailControl;
const { fields } = detailLayout;

export class DetailLook {
  readonly #calls: BpfCalls;
  readonly #entries: MappedArray;
  readonly #control: MappedArray;
  readonly #link: number;
  #isOpen = true;

  private constructor(calls: BpfCalls, entries: MappedArray, control: MappedArray, link: number) {
    this.#calls = calls;
    this.#entries = entries;
    this.#control = control;
    this.#link = link;
  }

  /** Rejects with BpfError. @param pidLevel see learnedLayout */
  static async open(
    calls: BpfCalls,
    kernel: KernelLayout,
    details: DetailKernel,
    pidLevel: number,
  ): Promise<DetailLook> {
    const maps: MappedArray[] = [];
    const create = (name: string, bytes: number, count: number): MappedArray => {
      const map = MappedArray.create(calls, name, bytes, count);
      maps.push(map);
      return map;
    };
    try {
      const entries = create('details', detailLayout.bytes, detailsPerPass);
      const control = create('detail_control', detailControl.bytes, 1);
      const options = { entryMap: entries.fd, controlMap: control.fd, pidLevel };
      const link = await linkProgram(calls, {
        name: 'process_details',
        statements: detailProgram(kernel, details, options),
        iterator: kernel.functions.taskIterator,
        callbacks: detailCallbacks,
        pid: null,
        isSleepable: true,
      });
      return new DetailLook(calls, entries, control, link);
    } catch (error) {
      for (const map of maps) map.close();
      throw error;
    }
  }

  /**
   * Tells of processes with these pids, and of some others. One at a time. Throws BpfError, or Node's error of read(2).
   *
   * @param tell called for each
   */
  async read(pids: Iterable<number>, tell: (seen: SeenDetails) => void): Promise<void> {
    let left: Iterable<number> = pids;
    for (let pass = 1; pass < passesMax; pass++) {
      const busy: number[] = [];
      await this.#pass(left, (seen, isBusy) => (isBusy ? busy.push(seen.pid) : tell(seen)));
      if (busy.length === 0) return;
      left = busy;
      await setTimeout(busyPauseMs);
    }
    await this.#pass(left, tell);
  }

  async #pass(pids: Iterable<number>, tell: (seen: SeenDetails, isBusy: boolean) => void): Promise<void> {
    const control = this.#control.bytes;
    control.fill(0);
    for (const pid of pids) {
      const bit = pid & wantedMask;
      control[shared.wanted.offset + (bit >> 3)]! |= 1 << (bit & 7);
    }
    for (;;) {
      await iterate(this.#calls, this.#link);
      const count = control.readUInt32LE(shared.entries.offset);
      const described = this.#entries.first(count * detailLayout.bytes);
      const slice = new TimeSlice();
      for (let entry = 0; entry < count; entry++) {
        const bytes = described.subarray(entry * detailLayout.bytes, (entry + 1) * detailLayout.bytes);
        tell(seenIn(bytes), bytes.readUInt32LE(fields.isBusy.offset) === 1);
        if (slice.isUsedUp()) await slice.rest();
      }
      if (control.readUInt32LE(shared.missed.offset) === 0 || count === 0) return;
      control.copy(control, shared.after.offset, shared.last.offset, shared.last.offset + 4);
      control.fill(0, shared.entries.offset, shared.last.offset + 4);
    }
  }

  /** Idempotent. Not during a look. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#calls.close(this.#link);
    this.#entries.close();
    this.#control.close();
  }
}

/** @param bytes detailLayout, in the map: nothing of them is kept */
function seenIn(bytes: Buffer): SeenDetails {
  const path = bytes.subarray(
    fields.path.offset,
    fields.path.offset + bytes.readUInt32LE(fields.pathBytes.offset),
  );
  return {
    pid: bytes.readUInt32LE(fields.pid.offset),
    startTicks: Number(bytes.readBigUInt64LE(fields.startNs.offset) / nsPerTick),
    exe: parsePathParts(path),
    args: Buffer.from(
      argumentsIn(
        bytes.subarray(fields.args.offset, fields.args.offset + bytes.readUInt32LE(fields.argsRead.offset)),
        bytes.readUInt32LE(fields.argsBytes.offset),
      ),
    ),
  };
}

/** Names from the innermost one up, each ended by a NUL byte, to an absolute path; null for no names. */
export function parsePathParts(parts: Buffer): string | null {
  if (parts.length === 0) return null;
  const names = parts.toString('utf8', 0, parts.length - 1).split('\0');
  return `/${names.toReversed().join('/')}`;
}

/**
 * What of the copied bytes are arguments, as /proc/PID/cmdline shows them: where a title was written over them, it ends
 * with the first NUL byte.
 *
 * @param argsBytes between the start and the end of the arguments
 */
export function argumentsIn(copied: Buffer, argsBytes: number): Buffer {
  const args = copied.subarray(0, argsBytes);
  if (args.length < argsBytes || argsBytes === 0 || args.at(-1) === 0) return args;
  const end = copied.indexOf(0);
  return end < 0 ? copied : copied.subarray(0, end + 1);
}
