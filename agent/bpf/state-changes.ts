/**
 * Which TCP sockets changed their state: from open() to close() the inode of each is told, unless something was lost.
 *
 * Needs what the scan of fd tables needs, and the tracepoint.
 */
import type { BpfCalls } from './bpf-calls.ts';
import type { EventLayout } from './event-layout.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { MappedArray } from './mapped-array.ts';
import { RingBuffer } from './ring-buffer.ts';
import {
  changeCountLayout,
  changeNoteLayout,
  seenCounters,
  stateChangeLayout,
  stateChangeProgram,
} from './state-change-program.ts';
import { attachTracepoint, createArrayPerCpu } from './syscall.ts';
import { loadAtTracepoint, readMisses } from './tracepoint-program.ts';

/** Room for changes between two scans: 32,768 of them. Where there are more, nearly everything has to be read anyway. */
export const changeRingBytes = 512 << 10;

const turns = ['first', 'second'] as const;

export class StateChanges {
  readonly #calls: BpfCalls;
  readonly #layout: EventLayout;
  readonly #ring: RingBuffer;
  readonly #counts: MappedArray;
  /** Of turns. */
  readonly #programs: readonly number[];
  /** Everything else that is to be closed. */
  readonly #fds: readonly number[];
  #lost = 0;
  #missed: readonly number[];
  #isOpen = true;

  private constructor(
    calls: BpfCalls,
    layout: EventLayout,
    maps: { readonly ring: RingBuffer; readonly counts: MappedArray },
    programs: readonly number[],
    fds: readonly number[],
  ) {
    this.#calls = calls;
    this.#layout = layout;
    this.#ring = maps.ring;
    this.#counts = maps.counts;
    this.#programs = programs;
    this.#fds = fds;
    this.#missed = programs.map(() => 0);
  }

  /** Rejects with BpfError. */
  static async open(
    calls: BpfCalls,
    kernel: KernelLayout,
    layout: EventLayout,
    bytes: number = changeRingBytes,
  ): Promise<StateChanges> {
    const fds: number[] = [];
    const maps: { ring?: RingBuffer; counts?: MappedArray } = {};
    try {
      const noteMap = createArrayPerCpu(calls, 'told', changeNoteLayout.bytes, 1);
      fds.push(noteMap);
      const ring = RingBuffer.create(calls, 'changes', bytes);
      maps.ring = ring;
      const counts = MappedArray.create(calls, 'counts', changeCountLayout.bytes, 1);
      maps.counts = counts;
      const options = { kernel, layout, noteMap, ringMap: ring.fd, countMap: counts.fd };
      const programs: number[] = [];
      for (const turn of turns) {
        const statements = stateChangeProgram(options, turn);
        programs.push(await loadAtTracepoint(calls, layout, `changes_${turn}`, statements));
        fds.push(programs.at(-1)!);
      }
      for (const program of programs) fds.push(attachTracepoint(calls, program));
      return new StateChanges(calls, layout, { ring, counts }, programs, fds);
    } catch (error) {
      for (const fd of fds.toReversed()) calls.close(fd);
      maps.ring?.close();
      maps.counts?.close();
      throw error;
    }
  }

  /**
   * Hands over the inode of each socket that changed since the last call, some of them more than once.
   *
   * @returns false when there may have been others. Throws BpfError.
   */
  take(tell: (inode: number) => void): boolean {
    const at = stateChangeLayout.fields.inode.offset / 4;
    // What comes meanwhile is left for the next time, so that there is an end to it.
    this.#ring.drain(changeRingBytes / stateChangeLayout.bytes, (words, first) => tell(words[first + at]!));
    return !this.#hasLost();
  }

  /**
   * Grows with every change of a TCP socket in those namespaces, and some others, whether it has an inode or not: while it
   * is what it was, there was none. Throws BpfError.
   */
  count(namespaces: Iterable<number>): number {
    const counters = new Set(Array.from(namespaces, (netns) => netns % seenCounters));
    let sum = 0;
    for (const counter of counters) sum += this.#counted('seen', counter);
    for (const missed of this.#readMisses()) sum += missed;
    return sum;
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const fd of this.#fds.toReversed()) this.#calls.close(fd);
    this.#ring.close();
    this.#counts.close();
  }

  /** @param index of those counters that are several */
  #counted(name: keyof typeof changeCountLayout.fields, index = 0): number {
    return Number(this.#counts.bytes.readBigUInt64LE(changeCountLayout.fields[name].offset + 8 * index));
  }

  #readMisses(): readonly number[] {
    return this.#programs.map((program) => readMisses(this.#calls, this.#layout, program));
  }

  /** Since the last call. A change that both programs were kept from is lost. */
  #hasLost(): boolean {
    const lost = this.#counted('lost');
    const missed = this.#readMisses();
    const hasLost = lost !== this.#lost || missed.every((count, i) => count !== this.#missed[i]);
    this.#lost = lost;
    this.#missed = missed;
    return hasLost;
  }
}
