/**
 * The way of one socket's tuple outward through the connection tracking of its host: its own namespace first, then the
 * host's. Pure.
 *
 * Each table is asked for the packets that the socket sends. An entry has them in one of its two directions, and shows by
 * this which end the socket is; the other direction, turned round, is what the far side of the translation sees:
 *
 *     they are the original direction    client    what it becomes: reply.destination -> reply.source
 *     they are the reply                 server    what it becomes: original.destination -> original.source
 */
import type { FourTuple } from '../../model/four-tuple.ts';
import { stagesMax, type Translation } from '../../model/translation.ts';
import type { ConntrackEntry } from '../netlink/conntrack-entry.ts';
import { type ConntrackTuple, isSentBy } from '../netlink/conntrack-tuple.ts';

export interface Inquiry {
  /** Inodes of the namespaces whose tables are still to be asked, in this order. */
  readonly way: readonly number[];
  /** As the last table left it. */
  readonly tuple: FourTuple;
  /** null = no table has known the conversation so far. */
  readonly role: Translation['role'] | null;
  readonly stages: readonly FourTuple[];
  /** Some entry is of a TCP connection whose end was not seen. */
  readonly isOpen: boolean;
}

/** @param way from the socket's own namespace outward */
export function beginInquiry(tuple: FourTuple, way: readonly number[]): Inquiry {
  return { way, tuple, role: null, stages: [], isOpen: false };
}

/** @param entry what the first table of the way knows of the tuple; null = nothing, or it was not asked */
export function afterAnswer(inquiry: Inquiry, entry: ConntrackEntry | null): Inquiry {
  const onward = { ...inquiry, way: inquiry.way.slice(1) };
  const role = entry === null ? null : roleIn(entry, inquiry.tuple);
  if (entry === null || role === null) return onward;
  const isOpen = inquiry.isOpen || entry.phase === 'open';
  const known = { ...onward, role: inquiry.role ?? role, isOpen };
  if (!entry.isTranslated || inquiry.stages.length === stagesMax) return known;
  const tuple = turned(role === 'client' ? entry.reply : entry.original);
  return { ...known, tuple, stages: [...inquiry.stages, tuple] };
}

/** Null when no table knows the conversation. */
export function translationOf({ role, stages }: Inquiry): Translation | null {
  return role === null ? null : { role, stages };
}

/** Null when the entry is about something else. */
function roleIn({ original, reply }: ConntrackEntry, tuple: FourTuple): Translation['role'] | null {
  if (isSentBy(original, tuple)) return 'client';
  return isSentBy(reply, tuple) ? 'server' : null;
}

function turned({ source, destination }: ConntrackTuple): FourTuple {
  return { local: destination, remote: source };
}
