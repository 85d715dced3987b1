/**
 * The programs of connection events in the kernel, with their maps: from open() to close() every connection of the own
 * host that is established or closed is an event in the ring.
 *
 * Needs Linux 5.11 with BTF, and CAP_BPF with CAP_PERFMON.
 */
import { assemble } from './assembler.ts';
import type { BpfCalls } from './bpf-calls.ts';
import { callProgram, packetProgram } from './change-programs.ts';
import type { EventLayout } from './event-layout.ts';
import { holderLayout, lossLayout } from './event-memory.ts';
import type { EventSurroundings } from './event-program.ts';
import type { Statement } from './instruction.ts';
import { iterate } from './iteration.ts';
import type { BasicLayout } from './kernel-layout.ts';
import { learn } from './learn.ts';
import { linkProgram } from './link-program.ts';
import { MappedArray } from './mapped-array.ts';
import { type ReadRecord, RingBuffer } from './ring-buffer.ts';
import { seedProgram } from './seed-program.ts';
import { storageTypes } from './storage-types.ts';
import {
  attachTracepoint,
  createSocketStorage,
  loadTracepointProgram,
  loadTypes,
  readProgramInfo,
} from './syscall.ts';

/**
 * Room for events that wait to be read: 32,768 of them, 0.4 seconds of 20,000 connections per second with both ends on
 * this host. The kernel's memory, which the agent maps.
 */
export const ringBytes = 4 << 20;

/** What did not get into the ring, since the start. */
export interface EventLosses {
  /** Connections whose beginning found it full: they are told when they end, or by a scan. */
  readonly opened: number;
  /** Connections whose end found it full. */
  readonly closed: number;
  /**
   * Changes that a packet made while the program was passing over one of a system call on that processor. Most are not
   * those of a connection's end.
   */
  readonly missed: number;
}

export class ConnectionEvents {
  readonly #calls: BpfCalls;
  readonly #layout: EventLayout;
  readonly #ring: RingBuffer;
  readonly #losses: MappedArray;
  /** The program of packets: what it missed is lost. */
  readonly #ofPackets: number;
  /** Everything that is to be closed. */
  readonly #fds: readonly number[];
  #isOpen = true;

  private constructor(
    calls: BpfCalls,
    layout: EventLayout,
    maps: { readonly ring: RingBuffer; readonly losses: MappedArray },
    ofPackets: number,
    fds: readonly number[],
  ) {
    this.#calls = calls;
    this.#layout = layout;
    this.#ring = maps.ring;
    this.#losses = maps.losses;
    this.#ofPackets = ofPackets;
    this.#fds = fds;
  }

  /**
   * Seeds before the programs run, so that few events lack their process, and again after, for what was opened meanwhile.
   *
   * @param pidNamespace inode of the agent's pid namespace. Throws BpfError, or Node's error of read(2).
   */
  static async open(
    calls: BpfCalls,
    kernel: BasicLayout,
    layout: EventLayout,
    pidNamespace: number,
    bytes: number = ringBytes,
  ): Promise<ConnectionEvents> {
    const { pidLevel } = await learn(calls, kernel, null);
    const fds: number[] = [];
    const maps: { ring?: RingBuffer; losses?: MappedArray } = {};
    try {
      const holderMap = createHolderMap(calls);
      fds.push(holderMap);
      const ring = RingBuffer.create(calls, 'events', bytes);
      maps.ring = ring;
      const losses = MappedArray.create(calls, 'losses', lossLayout.bytes, 1);
      maps.losses = losses;
      const surroundings = { kernel, layout, holderMap, pidLevel, pidNamespace };
      const seed = linkSeed(calls, surroundings);
      fds.push(seed);
      const load = (name: string, statements: readonly Statement[]): number => {
        const program = loadAtTracepoint(calls, layout, name, statements);
        fds.push(program);
        return program;
      };
      const options = { ...surroundings, ringMap: ring.fd, lossMap: losses.fd };
      const ofCalls = load('calls_of_tcp', callProgram(options));
      const ofPackets = load('packets_of_tcp', packetProgram(options));
      await iterate(calls, seed);
      for (const program of [ofCalls, ofPackets]) fds.push(attachTracepoint(calls, program));
      await iterate(calls, seed);
      return new ConnectionEvents(calls, layout, { ring, losses }, ofPackets, fds);
    } catch (error) {
      for (const fd of fds.toReversed()) calls.close(fd);
      maps.ring?.close();
      maps.losses?.close();
      throw error;
    }
  }

  /** Up to `eventsMax` events, each of eventLayoutInRing, oldest first. @returns how many */
  drain(eventsMax: number, read: ReadRecord): number {
    return this.#ring.drain(eventsMax, read);
  }

  /** Most bytes of the ring that ever waited at the beginning of a drain. */
  get mostWaiting(): number {
    return this.#ring.mostWaiting;
  }

  /** Throws BpfError. */
  losses(): EventLosses {
    if (!this.#isOpen) throw new Error('the events are closed');
    const { opened, closed } = lossLayout.fields;
    const misses = this.#layout.programInfo.recursionMisses.offset;
    const info = readProgramInfo(this.#calls, this.#ofPackets);
    return {
      opened: Number(this.#losses.bytes.readBigUInt64LE(opened.offset)),
      closed: Number(this.#losses.bytes.readBigUInt64LE(closed.offset)),
      missed: Number(info.readBigUInt64LE(misses)),
    };
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const fd of this.#fds.toReversed()) this.#calls.close(fd);
    this.#ring.close();
    this.#losses.close();
  }
}

function createHolderMap(calls: BpfCalls): number {
  const types = loadTypes(calls, storageTypes(holderLayout.bytes));
  try {
    return createSocketStorage(calls, 'holders', holderLayout.bytes, types);
  } finally {
    calls.close(types);
  }
}

function linkSeed(calls: BpfCalls, surroundings: EventSurroundings): number {
  return linkProgram(calls, {
    name: 'seed_holders',
    statements: seedProgram(surroundings),
    iterator: surroundings.kernel.functions.fileIterator,
    callbacks: [],
    pid: null,
  });
}

function loadAtTracepoint(
  calls: BpfCalls,
  { tracepoint }: EventLayout,
  name: string,
  statements: readonly Statement[],
): number {
  const { bytes, listing } = assemble(statements);
  return loadTracepointProgram(calls, { name, instructions: bytes, listing, tracepoint });
}
