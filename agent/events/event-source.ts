/** The interface behind which every way of hearing of connections stands: eBPF, and TCP's destroy messages. */
import type { Scan } from '../collector.ts';
import type { ConnectionEvent } from './connection-event.ts';

/** What a source did not tell since it was last asked. */
export interface EventLosses {
  /** Ends of connections that are known to be lost. */
  readonly connections: number;
  /** How often an unknown number of them was lost. */
  readonly overruns: number;
  /** What to call it, as the reason of a gap. */
  readonly reason: string;
}

export interface EventSource {
  readonly name: EventSourceName;
  /** Plain sentences: what of short-lived connections it does not tell, and what to do about it. */
  readonly cannotSee: readonly string[];
  /** Never throws. Hands over up to `eventsMax` events that wait, oldest first. @returns how many; fewer than asked = no more */
  drain(eventsMax: number, read: (event: ConnectionEvent) => void): number;
  /**
   * Grows whenever something that happened is not told, since the start: while it does not, what has been drained is all
   * there was. Cheap enough to be asked at every scan. Never throws.
   */
  readonly lostTotal: number;
  /** The same by what it was. Never throws. */
  readonly lostByKind: Readonly<Record<string, number>>;
  /** What was lost since the last call. Never throws. */
  takeLosses(): EventLosses;
  /** Learns of the namespaces that there are. Never rejects. */
  follow(scan: Scan): Promise<void>;
  /** Idempotent. */
  close(): void;
}

/** The ways of hearing of connections, as a person names them. `auto` takes the best that works here. */
export const eventChoices = ['auto', 'ebpf', 'destroy', 'off'] as const;

export type EventChoice = (typeof eventChoices)[number];

export type EventSourceName = Exclude<EventChoice, 'auto' | 'off'>;
