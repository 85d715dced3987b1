/**
 * Where events of security go: each is counted, told to the aggregator's log, and written to the audit log of the data folder,
 * strangers' doings only so often. Without a data folder the aggregator's log is all there is.
 */
import type { Logger } from 'pino';
import type { Audit, AuditEvent } from './audit.ts';
import { AuditBudget } from './audit-budget.ts';
import type { AuditFile, DatedEvent } from './audit-file.ts';
import { type RefusalReason, refusalReasons } from './refusal.ts';

/** Events that wait for the disk; what comes beyond is counted, and told once the disk is back. */
export const waitingMax = 1024;

/** How long to wait after the disk failed. */
const retryMs = 5_000;

export interface AuditTrailOptions {
  readonly log: Logger;
  /** Null = there is no data folder. */
  readonly file: Pick<AuditFile, 'append'> | null;
  /** Unix milliseconds. */
  readonly clock: () => number;
  /** Milliseconds that never step. */
  readonly monotonicClock?: () => number;
}

export class AuditTrail {
  readonly #options: AuditTrailOptions;
  readonly #now: () => number;
  readonly #budget = new AuditBudget();
  readonly #waiting: DatedEvent[] = [];
  /** Those that found no room since something was written last. */
  #leftOut = 0;
  #retryAtMs = 0;
  #writing: Promise<void> | null = null;
  /** How often anybody was refused, all of them. */
  readonly refusals: Readonly<Record<RefusalReason, number>>;
  /** Events that are in no file, since it could not be written. */
  lostTotal = 0;

  constructor(options: AuditTrailOptions) {
    this.#options = options;
    this.#now = options.monotonicClock ?? (() => performance.now());
    this.refusals = Object.fromEntries(refusalReasons.map((reason) => [reason, 0])) as Record<
      RefusalReason,
      number
    >;
  }

  readonly tell: Audit = (event) => {
    if (event.kind === 'refused' && event.reason !== undefined) {
      (this.refusals as Record<RefusalReason, number>)[event.reason] += 1;
    }
    if (this.#budget.take(event, this.#now())) this.#note(event);
  };

  /** Ends what is over, and tries the disk again; call it about once a second. */
  sweep(): void {
    for (const event of this.#budget.expire(this.#now())) this.#note(event);
    this.#write();
  }

  /** All that was told is on disk then, as far as the disk takes it. */
  async close(): Promise<void> {
    for (const event of this.#budget.close()) this.#note(event);
    await this.#written();
    this.#retryAtMs = 0;
    this.#write();
    await this.#written();
  }

  async #written(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  #note(event: AuditEvent): void {
    const { log, file, clock } = this.#options;
    const { kind, reason, subject, peer, detail } = event;
    log.info({ audit: kind, ...(reason === undefined ? {} : { reason }), subject, peer }, detail);
    if (file === null) return;
    if (this.#waiting.length >= waitingMax) {
      this.#leftOut += 1;
      this.lostTotal += 1;
      return;
    }
    this.#waiting.push({ event, atMs: clock() });
    this.#write();
  }

  #write(): void {
    const { file } = this.#options;
    if (
      file === null ||
      this.#writing !== null ||
      this.#waiting.length === 0 ||
      this.#now() < this.#retryAtMs
    )
      return;
    const events = [...this.#waiting];
    const leftOut = this.#leftOut;
    const all = leftOut === 0 ? events : [...events, this.#gapOf(leftOut)];
    this.#writing = file.append(all).then(
      () => {
        this.#waiting.splice(0, events.length);
        this.#leftOut -= leftOut;
        this.#writing = null;
        this.#write();
      },
      (error: unknown) => {
        this.#writing = null;
        this.#retryAtMs = this.#now() + retryMs;
        this.#options.log.error(
          { err: error },
          'the audit log cannot be written; what is told waits in memory',
        );
      },
    );
  }

  #gapOf(count: number): DatedEvent {
    const detail = `${count} events are missing here: the audit log could not be written`;
    return { event: { kind: 'audit-gap', subject: null, peer: null, detail }, atMs: this.#options.clock() };
  }
}
