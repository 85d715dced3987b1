/** A session as the journal knows it, and what it notes there. */
import type { Hello } from '../../wire/agent-batch.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import type { AgentRecord } from './agent-record.ts';
import type { SavedClock } from './clock-offset.ts';
import type { IngestJournal, JournaledStream } from './ingest-journal.ts';

/** What a message did that is to be remembered. */
export interface Effect {
  /** It began a snapshot. */
  readonly begins: boolean;
  /** It completed one. */
  readonly completes: boolean;
  /** Up to where all took effect with it; 0 = it has no rows, or they take effect later. */
  readonly appliedSeq: number;
}

interface SessionParts {
  readonly hello: Hello;
  readonly record: AgentRecord;
  readonly acks: Acknowledgements;
}

export class JournaledSession implements JournaledStream {
  readonly #journal: IngestJournal;
  readonly #parts: SessionParts;
  /** The journal lacks what the rows go on from: none is durable before the next snapshot is complete. */
  #lacksBase = false;

  constructor(journal: IngestJournal, parts: SessionParts, nowMs: number) {
    this.#journal = journal;
    this.#parts = parts;
    journal.began(this, nowMs);
  }

  get hostId(): string {
    return this.#parts.hello.hostId;
  }

  get hello(): Hello {
    return this.#parts.hello;
  }

  savedClock(): SavedClock {
    return this.#parts.record.clock.save();
  }

  took(bytes: Buffer, { begins, completes, appliedSeq }: Effect, nowMs: number): void {
    if (begins) this.#lacksBase = false;
    const durableSeq = this.#lacksBase ? 0 : appliedSeq;
    this.#journal.took(this, bytes, { begins, completes, durableSeq }, nowMs);
  }

  ended(nowMs: number): void {
    this.#journal.ended(this, nowMs);
  }

  committed(durableSeq: number | null): void {
    this.#parts.acks.committed(durableSeq);
  }

  beginAnew(reason: string): void {
    this.#lacksBase = true;
    this.askForSnapshot(reason);
  }

  askForSnapshot(reason: string): void {
    this.#parts.acks.askForSnapshot(reason);
  }
}
