/** Connections by eBPF: all of the own host, each with its process and its exact times. */
import { statSync } from 'node:fs';
import { type LoadBpfCalls, loadBpfCalls } from '../bpf/bpf-calls.ts';
import { ConnectionEvents, type EventLosses as ProgramLosses } from '../bpf/connection-events.ts';
import { type EventLayout, eventLayout } from '../bpf/event-layout.ts';
import { type BasicLayout, basicLayout, readOwnBtf } from '../bpf/kernel-layout.ts';
import { asUnavailable } from '../collect/ebpf-unavailable.ts';
import { expectOwnProc } from '../collect/own-proc.ts';
import type { Scan } from '../collector.ts';
import { TimeSlice } from '../procfs/time-slice.ts';
import type { ConnectionEvent } from './connection-event.ts';
import { EventReader } from './event-reader.ts';
import type { EventLosses, EventSource } from './event-source.ts';

/** Between two looks for the sockets that have no process noted beside them: each is a walk over all files. */
const seedIntervalMs = 10_000;

export interface EbpfSourceOptions {
  /** How to reach bpf(2); default koffi. */
  readonly loadCalls?: LoadBpfCalls;
  /** Size of the ring; default ringBytes. */
  readonly ringBytes?: number;
}

/** Throws EbpfUnavailableError where it is not to be had. @param procRoot /proc of the agent's own pid namespace */
export async function openEbpfSource(
  procRoot: string,
  { loadCalls = loadBpfCalls, ringBytes }: EbpfSourceOptions = {},
): Promise<EventSource> {
  expectOwnProc(procRoot);
  try {
    const calls = await loadCalls();
    const { kernel, layout } = await readLayouts();
    const { ino } = statSync(`${procRoot}/self/ns/pid`);
    return new EbpfSource(await ConnectionEvents.open(calls, kernel, layout, ino, ringBytes));
  } catch (error) {
    throw asUnavailable(error);
  }
}

/** Each step is a look through megabytes. Rejects with BtfError where the kernel lacks something. */
async function readLayouts(): Promise<{ readonly kernel: BasicLayout; readonly layout: EventLayout }> {
  const slice = new TimeSlice();
  const btf = readOwnBtf();
  await slice.rest();
  const kernel = basicLayout(btf);
  await slice.rest();
  const layout = eventLayout(btf);
  await slice.rest();
  return { kernel, layout };
}

class EbpfSource implements EventSource {
  readonly name = 'ebpf';
  readonly cannotSee: readonly string[] = [];
  readonly #events: ConnectionEvents;
  readonly #reader = new EventReader();
  #taken: ProgramLosses = { opened: 0, closed: 0, unnoted: 0, unread: 0, undecided: 0 };
  #seededAtMs = 0;
  #unnotedWhenSeeded = 0;

  constructor(events: ConnectionEvents) {
    this.#events = events;
  }

  drain(eventsMax: number, read: (event: ConnectionEvent) => void): number {
    const bootMs = Date.now() - monotonicMs();
    return this.#events.drain(eventsMax, (words, at) => {
      const event = this.#reader.event(words, at, bootMs);
      if (event !== null) read(event);
    });
  }

  get lostTotal(): number {
    return this.#events.lostTotal;
  }

  get lostByKind(): Readonly<Record<string, number>> {
    return { ...this.#events.losses };
  }

  takeLosses(): EventLosses {
    const before = this.#taken;
    const now = this.#events.losses;
    this.#taken = now;
    const grown = (kind: keyof ProgramLosses): number => now[kind] - before[kind];
    // Among many hosts, a socket without a note is nobody's, and so are the connections that are accepted by it.
    const unnoted = this.#events.seesAll ? 0 : grown('unnoted');
    return {
      connections: grown('closed') + grown('unread') + grown('undecided') + unnoted,
      overruns: unnoted > 0 ? 1 : 0,
      reason:
        grown('closed') > 0
          ? 'connections came faster than the agent read their events'
          : 'the kernel could not tell of connections',
    };
  }

  /** The programs see every namespace. What they could not note beside a socket is made up for. */
  async follow({ startedAtMs }: Scan): Promise<void> {
    const { unnoted } = this.#events.losses;
    if (unnoted === this.#unnotedWhenSeeded || startedAtMs - this.#seededAtMs < seedIntervalMs) return;
    this.#seededAtMs = startedAtMs;
    this.#unnotedWhenSeeded = unnoted;
    try {
      await this.#events.seed();
    } catch {
      // As good as a socket that was not noted: it is counted, and tried again when the next one is not.
    }
  }

  close(): void {
    this.#events.close();
  }
}

/** CLOCK_MONOTONIC in milliseconds, which is what process.hrtime and the programs' clock have in common. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
