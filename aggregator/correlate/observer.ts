/** What correlation concludes, as the graph hears it. */
import type { Connection } from './connection.ts';
import type { PlainObserver } from './plain-observer.ts';

/** Told of every conclusion, in order. The connection already has its new values. */
export interface ConnectionObserver extends PlainObserver {
  /** It was in the core and is an object from now on. Nothing else is different. */
  adopted(connection: Connection, nowMs: number): void;
  /** Its place in the map is decided: matched, or alone after the grace time. Comes once per connection, first. */
  placed(connection: Connection, nowMs: number): void;
  /** After `placed`: an end, its owners, its direction, or whether it is open became different. */
  updated(connection: Connection, nowMs: number): void;
  /** After `placed`: one of its halves was another's. What was concluded from it is void; `updated` follows. */
  parted(connection: Connection): void;
  /** After `placed`: the counters of an end are newer, and nothing else is different. */
  counted(connection: Connection, nowMs: number): void;
  /** Both its ends are known, which they were not before. Comes at any time, also after it was placed. */
  matched(connection: Connection): void;
  /** It left the live view: it lingered long enough, or its only reporting host is lost. */
  forgotten(connection: Connection, nowMs: number): void;
  /** It is no connection of its own: its only half is part of another one from now on. */
  dissolved(connection: Connection, nowMs: number): void;
}
