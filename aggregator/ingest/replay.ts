/**
 * What an earlier run of the aggregator noted is taken in again, at the times at which it took effect: by the same sessions,
 * with nobody at their other end.
 */
import type { Logger } from 'pino';
import type { HostGap } from '../correlate/report.ts';
import type { Moment } from './agent-record.ts';
import { ClockOffset, type SavedClock } from './clock-offset.ts';
import type { Hosts } from './hosts.ts';
import { newIngestCounters } from './ingest-counters.ts';
import type { Effect } from './journaled-session.ts';
import type { Peer } from './peer.ts';
import type { SavedHost } from './saved-host.ts';
import { IngestSession, type SessionContext } from './session.ts';
import { SnapshotStarts } from './snapshot-starts.ts';

/** A stream of an earlier run. */
export interface ReplayedStream {
  readonly hostId: string;
  readonly session: IngestSession;
}

const nobody: Peer = { say: () => {}, end: () => {} };

export class Replay {
  /** What was taken in again. */
  readonly counters = newIngestCounters();
  readonly #hosts: Hosts;
  readonly #now: () => Moment;
  readonly #context: SessionContext;
  readonly #log: Logger;
  readonly #levelBefore: string;
  #atMs = 0;

  /** @param log of the hosts, which says nothing until the end */
  constructor(hosts: Hosts, context: SessionContext, log: Logger) {
    this.#hosts = hosts;
    this.#now = context.now;
    this.#log = log;
    this.#levelBefore = log.level;
    log.level = 'silent';
    const now = (): Moment => this.moment();
    this.#context = {
      ...context,
      now,
      journal: null,
      counters: this.counters,
      // Those of that run have begun long since.
      snapshotStarts: new SnapshotStarts(context.limits),
      log,
    };
  }

  /** What follows took effect then; Unix milliseconds. */
  at(unixMs: number): void {
    this.#atMs = unixMs;
  }

  /** On the clock that never steps, it is as long ago as by the other one. */
  moment(): Moment {
    const now = this.#now();
    return { unixMs: this.#atMs, monotonicMs: now.monotonicMs - Math.max(0, now.unixMs - this.#atMs) };
  }

  /** A stream that began, or goes on from before what is known. @returns null where it was not let in */
  begin(hello: Buffer, clock: SavedClock): ReplayedStream | null {
    const session = new IngestSession(nobody, this.#context);
    session.receive(hello);
    if (session.state.kind !== 'awaiting-snapshot') return null;
    const { record } = session.state.agent;
    record.clock = ClockOffset.restored(clock);
    return { hostId: record.host.id, session };
  }

  take({ session }: ReplayedStream, bytes: Buffer): Effect | null {
    return session.receive(bytes);
  }

  end({ session }: ReplayedStream): void {
    session.close();
  }

  leaseOver(hostId: string, state: 'stale' | 'lost'): void {
    this.#hosts.leaseOver(hostId, state, this.moment());
  }

  addGap(hostId: string, gap: HostGap): void {
    this.#hosts.find(hostId)?.addGap(gap);
  }

  /** What was told from then on is lost, in parts. @returns the hosts that are known by now; others have a gap once they are */
  forgot(fromMs: number, reason: string): string[] {
    this.#hosts.forgot(fromMs, reason);
    return Array.from(this.#hosts.all(), ({ id }) => id);
  }

  /** What was known at this place beyond what is told again. */
  settle(saved: readonly SavedHost[]): void {
    this.#hosts.settle(saved, this.moment());
  }

  /** All was taken in. */
  finish(): void {
    this.#hosts.believeFrom(this.#now());
    this.#log.level = this.#levelBefore;
  }
}
