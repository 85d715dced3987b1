/**
 * What strangers can cause is written down a bounded number of times: of each kind so many lines in ten minutes, and then one
 * that says how many more there were. So nobody fills the log, or has others' lines rotated out of it. Pure.
 */
import type { AuditEvent } from './audit.ts';

/** Lines of one kind in an interval. */
export const linesMax = 20;

export const intervalMs = 600_000;

/** What others than an admin cause, as often as they like. */
const bounded: ReadonlySet<AuditEvent['kind']> = new Set([
  'refused',
  'logged-in',
  'logged-out',
  'cmdlines-read',
  'token-expired',
  'address-disputed',
  'quota-exceeded',
]);

interface Interval {
  readonly kind: AuditEvent['kind'];
  readonly reason: AuditEvent['reason'];
  readonly beganMs: number;
  written: number;
  leftOut: number;
}

export class AuditBudget {
  /** By kind and reason, of which there are few. */
  readonly #intervals = new Map<string, Interval>();

  /** Whether the event is to be written down. @param nowMs of a clock that never steps */
  take({ kind, reason }: AuditEvent, nowMs: number): boolean {
    if (!bounded.has(kind)) return true;
    const key = `${kind} ${reason ?? ''}`;
    const interval = this.#intervals.get(key) ?? { kind, reason, beganMs: nowMs, written: 0, leftOut: 0 };
    this.#intervals.set(key, interval);
    const isWritten = interval.written < linesMax;
    if (isWritten) interval.written += 1;
    else interval.leftOut += 1;
    return isWritten;
  }

  /** Ends the intervals that are over. @returns a line for each in which something was left out */
  expire(nowMs: number): AuditEvent[] {
    const over = [...this.#intervals].filter(([, { beganMs }]) => nowMs >= beganMs + intervalMs);
    for (const [key] of over) this.#intervals.delete(key);
    return over.flatMap(([, interval]) => summaryOf(interval));
  }

  /** Ends all intervals, as expire does. */
  close(): AuditEvent[] {
    return this.expire(Number.POSITIVE_INFINITY);
  }
}

function summaryOf({ kind, reason, leftOut }: Interval): AuditEvent[] {
  if (leftOut === 0) return [];
  const detail = `${leftOut} more of these within ${intervalMs / 60_000} min were not written down one by one`;
  return [{ kind, ...(reason === undefined ? {} : { reason }), subject: null, peer: null, detail }];
}
