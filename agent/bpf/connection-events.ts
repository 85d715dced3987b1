/**
 * The programs of connection events in the kernel, with their maps: from open() to close() every connection of the own
 * host that is established or closed is an event in the ring.
 *
 * Needs Linux 5.11 with BTF, and CAP_BPF with CAP_PERFMON.
 */
import type { BpfCalls } from './bpf-calls.ts';
import { callProgram, packetProgram } from './change-programs.ts';
import type { EventLayout } from './event-layout.ts';
import { holderLayout, lossLayout } from './event-memory.ts';
import type { HolderOptions } from './holder-program.ts';
import type { Statement } from './instruction.ts';
import { iterate } from './iteration.ts';
import type { BasicLayout } from './kernel-layout.ts';
import { learn } from './learn.ts';
import { linkProgram } from './link-program.ts';
import { MappedArray } from './mapped-array.ts';
import { type ReadRecord, RingBuffer } from './ring-buffer.ts';
import { seedProgram } from './seed-program.ts';
import { storageTypes } from './storage-types.ts';
import { attachTracepoint, createSocketStorage, loadTypes } from './syscall.ts';
import { loadAtTracepoint } from './tracepoint-program.ts';

/**
 * Room for events that wait to be read: 32,768 of them, 0.4 seconds of 20,000 connections per second with both ends on
 * this host. The kernel's memory, which the agent maps.
 */
export const ringBytes = 4 << 20;

/** What did not get into the ring, since the start: fields of lossLayout, which tell more. */
export interface EventLosses {
  /** Connections whose beginning found it full: they are told when they end, or by a scan. */
  readonly opened: number;
  /** Connections whose end found it full. */
  readonly closed: number;
  /** Processes that could not be noted beside their socket. */
  readonly unnoted: number;
  /** Changes of which nothing could be read. */
  readonly unread: number;
  /** Changes that may not have been told. */
  readonly undecided: number;
}

const kindsOfLoss = Object.keys(lossLayout.fields) as (keyof typeof lossLayout.fields)[];

export class ConnectionEvents {
  readonly #calls: BpfCalls;
  readonly #ring: RingBuffer;
  readonly #losses: MappedArray;
  /** Fd of a link. */
  readonly #seed: number;
  /** Whether the agent sees all processes of the machine, so that every socket is told of, with or without its process. */
  readonly seesAll: boolean;
  /** Everything that is to be closed. */
  readonly #fds: readonly number[];
  #isOpen = true;

  private constructor(
    calls: BpfCalls,
    maps: { readonly ring: RingBuffer; readonly losses: MappedArray },
    seed: number,
    seesAll: boolean,
    fds: readonly number[],
  ) {
    this.#calls = calls;
    this.#ring = maps.ring;
    this.#losses = maps.losses;
    this.#seed = seed;
    this.seesAll = seesAll;
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
      const surroundings = {
        kernel,
        layout,
        holderMap,
        pidLevel,
        pidNamespace,
        lossMap: losses.fd,
        ownPid: process.pid,
      };
      const seed = await linkSeed(calls, surroundings);
      fds.push(seed);
      const programs: number[] = [];
      const load = async (name: string, statements: readonly Statement[]): Promise<void> => {
        const program = await loadAtTracepoint(calls, layout, name, statements);
        fds.push(program);
        programs.push(program);
      };
      const options = { ...surroundings, ringMap: ring.fd };
      await load('calls_of_tcp', callProgram(options));
      await load('packets_of_tcp', packetProgram(options, 'first'));
      await load('packets_again', packetProgram(options, 'second'));
      await iterate(calls, seed);
      for (const program of programs) fds.push(attachTracepoint(calls, program));
      await iterate(calls, seed);
      return new ConnectionEvents(calls, { ring, losses }, seed, pidLevel === 0, fds);
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

  /** Out of memory that the programs write: no call. */
  get losses(): EventLosses {
    return {
      opened: this.#lossesOf('opened'),
      closed: this.#lossesOf('closed'),
      unnoted: this.#lossesOf('unnoted'),
      unread: this.#lossesOf('unread'),
      undecided: this.#lossesOf('undecided'),
    };
  }

  /** All of them together. Grows whenever something that happened is not told, and is as cheap as it can be. */
  get lostTotal(): number {
    let total = 0;
    for (const loss of kindsOfLoss) total += this.#lossesOf(loss);
    return total;
  }

  #lossesOf(loss: keyof EventLosses): number {
    if (!this.#isOpen) throw new Error('the events are closed');
    return Number(this.#losses.bytes.readBigUInt64LE(lossLayout.fields[loss].offset));
  }

  /** Notes beside sockets that have no process yet one that holds them. Rejects with BpfError, or Node's error of read(2). */
  async seed(): Promise<void> {
    await iterate(this.#calls, this.#seed);
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

function linkSeed(calls: BpfCalls, surroundings: HolderOptions): Promise<number> {
  return linkProgram(calls, {
    name: 'seed_holders',
    statements: seedProgram(surroundings),
    iterator: surroundings.kernel.functions.fileIterator,
    callbacks: [],
    pid: null,
  });
}
