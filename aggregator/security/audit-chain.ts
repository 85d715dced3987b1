/**
 * Lines of the audit log, each with the hash of the one before, so that none can be changed or taken out without the next one
 * telling. Pure.
 *
 * What is cut off at the end no chain can tell: whoever wants to know that notes the hash of the last line elsewhere.
 */
import { createHash } from 'node:crypto';
import type { AuditEvent } from './audit.ts';

export interface AuditRecord extends Omit<AuditEvent, 'reason'> {
  /** One higher with each line. */
  readonly seq: number;
  /** RFC 3339 UTC. */
  readonly at: string;
  readonly reason: string | null;
  /** SHA-256 of the bytes of the line before, without its line break; 64 zeros in the first line ever. */
  readonly previous: string;
}

/** Where a line is to stand. */
export interface ChainEnd {
  readonly seq: number;
  readonly hash: string;
}

export const emptyChain: ChainEnd = { seq: 0, hash: '0'.repeat(64) };

/** Longest text of a line: most of them may come from strangers. */
export const textMax = 500;

/** The line of an event, without its line break. @param at RFC 3339 UTC */
export function encodeRecord(event: AuditEvent, at: string, end: ChainEnd): string {
  const { kind, reason, subject, peer, detail } = event;
  return JSON.stringify({
    seq: end.seq + 1,
    at,
    kind,
    reason: reason ?? null,
    subject: subject === null ? null : cut(subject),
    peer: peer === null ? null : cut(peer),
    detail: cut(detail),
    previous: end.hash,
  } satisfies AuditRecord);
}

function cut(text: string): string {
  return text.length <= textMax ? text : `${text.slice(0, textMax - 1)}…`;
}

export function hashOfLine(line: string): string {
  return createHash('sha256').update(line).digest('hex');
}

/** Null when the line is none of ours, such as one that was torn. */
export function parseRecord(line: string): AuditRecord | null {
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is AuditRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { seq, at, kind, detail, previous } = value as Partial<Record<keyof AuditRecord, unknown>>;
  return Number.isSafeInteger(seq) && [at, kind, detail, previous].every((text) => typeof text === 'string');
}

/** Where the chain stands after a line that stands at `end`, whatever the line is. */
export function endAfter(line: string, end: ChainEnd): ChainEnd {
  return { seq: parseRecord(line)?.seq ?? end.seq, hash: hashOfLine(line) };
}

export interface ChainFault {
  /** 1-based, of all lines that were given. */
  readonly line: number;
  readonly what: string;
}

export interface ChainVerdict {
  readonly lines: number;
  /** Of the first line that is left: those before it were rotated away. Null = there is none. */
  readonly firstSeq: number | null;
  readonly end: ChainEnd;
  readonly faults: readonly ChainFault[];
}

/** Goes through the lines from the oldest on. The first one is believed: what was before it is not there any more. */
export function verifyChain(lines: Iterable<string>): ChainVerdict {
  const faults: ChainFault[] = [];
  let end: ChainEnd | null = null;
  let firstSeq: number | null = null;
  let line = 0;
  let isTorn = false;
  for (const text of lines) {
    line += 1;
    const record = parseRecord(text);
    if (isTorn && record?.kind !== 'audit-gap')
      faults.push({ line: line - 1, what: 'is no line of an audit log' });
    if (record !== null && end !== null) {
      if (record.previous !== end.hash)
        faults.push({ line, what: 'the line before it was changed or taken out' });
      else if (record.seq !== end.seq + 1)
        faults.push({ line, what: `has the number ${record.seq} after ${end.seq}` });
    }
    // A line that is torn by a crash is told of by the next one.
    isTorn = record === null;
    firstSeq ??= record?.seq ?? null;
    end = endAfter(text, end ?? emptyChain);
  }
  if (isTorn) faults.push({ line, what: 'is torn: nothing was written after it' });
  return { lines: line, firstSeq, end: end ?? emptyChain, faults };
}
