/** Connections by eBPF: all of the own host, each with its process and its exact times. */
import { statSync } from 'node:fs';
import { type LoadBpfCalls, loadBpfCalls } from '../bpf/bpf-calls.ts';
import { ConnectionEvents, type EventLosses as RingLosses } from '../bpf/connection-events.ts';
import { readEventLayout } from '../bpf/event-layout.ts';
import { asUnavailable } from '../collect/ebpf-unavailable.ts';
import { expectOwnProc } from '../collect/own-proc.ts';
import type { ConnectionEvent } from './connection-event.ts';
import { EventReader } from './event-reader.ts';
import type { EventLosses, EventSource } from './event-source.ts';

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
    const { kernel, layout } = readEventLayout();
    const { ino } = statSync(`${procRoot}/self/ns/pid`);
    return new EbpfSource(await ConnectionEvents.open(calls, kernel, layout, ino, ringBytes));
  } catch (error) {
    throw asUnavailable(error);
  }
}

class EbpfSource implements EventSource {
  readonly name = 'ebpf';
  readonly cannotSee: readonly string[] = [];
  readonly #events: ConnectionEvents;
  readonly #reader = new EventReader();
  #lost: RingLosses = { opened: 0, closed: 0, unnoted: 0, missed: 0 };

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

  takeLosses(): EventLosses {
    const before = this.#lost;
    this.#lost = this.#events.losses();
    return {
      connections: endsLost(this.#lost) - endsLost(before),
      overruns: 0,
      reason: 'connections came faster than the agent read their events',
    };
  }

  /** The programs see every namespace. */
  async follow(): Promise<void> {}

  close(): void {
    this.#events.close();
  }
}

/** The most that may be missing: not every change that a program missed is an end. */
function endsLost({ closed, unnoted, missed }: RingLosses): number {
  return closed + unnoted + missed;
}

/** CLOCK_MONOTONIC in milliseconds, which is what process.hrtime and the programs' clock have in common. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
