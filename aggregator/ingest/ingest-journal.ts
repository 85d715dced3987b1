/** What ingest writes down, so that a later run of the aggregator knows it. Declared here, where it is consumed (aggregator/journal). */
import type { Hello } from '../../wire/agent-batch.ts';
import type { HostGap } from '../correlate/report.ts';
import type { SavedClock } from './clock-offset.ts';

/** A stream as the journal knows it: by what it can begin anew with, in a run that knows nothing of before. */
export interface JournaledStream {
  readonly hostId: string;
  readonly hello: Hello;
  /** The agent's clock as far as it is known now. */
  savedClock(): SavedClock;
  /** What was noted before a commit is on the disk: up to that seq, or nothing new where it is null. */
  committed(durableSeq: number | null): void;
  /** What was noted of it is of no use from here on: nothing is durable before its next whole snapshot. */
  beginAnew(reason: string): void;
  /** A snapshot would let older segments go. */
  askForSnapshot(reason: string): void;
}

/** What one message did. */
export interface JournaledEffect {
  /** It began a snapshot. */
  readonly begins: boolean;
  /** It completed one. */
  readonly completes: boolean;
  /** What the agent may forget once this is on the disk; 0 = nothing new. */
  readonly durableSeq: number;
}

/** Each call comes right after what it notes took effect, in the same order. */
export interface IngestJournal {
  /** Whether what is noted now goes to the disk. While it does not, nobody is told that anything is durable. */
  readonly isWriting: boolean;
  began(stream: JournaledStream, nowMs: number): void;
  /** @param bytes of a message; copied */
  took(stream: JournaledStream, bytes: Buffer, effect: JournaledEffect, nowMs: number): void;
  ended(stream: JournaledStream, nowMs: number): void;
  /** A lease was over. */
  leaseOver(hostId: string, state: 'stale' | 'lost', nowMs: number): void;
  /** The aggregator itself declared a gap of a host. */
  gap(hostId: string, gap: HostGap, nowMs: number): void;
}
