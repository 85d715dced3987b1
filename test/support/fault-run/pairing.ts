/**
 * Which documents of an answer speak of which connection of the ledger. Four-tuples are used again, so a conversation may
 * have been there several times, and the times decide.
 */
import type { ConnectionDocument } from '../../../model/document.ts';
import {
  closedAtMs,
  conversationKey,
  type LedgerConnection,
  type OracleLedger,
  openedAtMs,
} from './oracle-ledger.ts';

export interface Pairing {
  /** Documents by connection of the ledger; none for those that no document speaks of. */
  readonly told: ReadonlyMap<LedgerConnection, readonly ConnectionDocument[]>;
  /** Documents about what nobody opened. */
  readonly phantoms: readonly ConnectionDocument[];
}

/** What an agent learns late of a connection: two scans, and what a busy machine adds. */
const slackMs = 5_000;

/** @param isOwn whether a document is about a conversation of whotalks itself */
export function pairWithLedger(
  ledger: OracleLedger,
  answer: readonly ConnectionDocument[],
  isOwn: (document: ConnectionDocument) => boolean,
): Pairing {
  const told = new Map<LedgerConnection, ConnectionDocument[]>();
  const phantoms: ConnectionDocument[] = [];
  for (const document of answer) {
    if (isOwn(document)) continue;
    const connection = connectionOf(ledger, document);
    if (connection === null) phantoms.push(document);
    else told.set(connection, [...(told.get(connection) ?? []), document]);
  }
  return { told, phantoms };
}

/** The one that was there at the time of the document; null where there was none. */
function connectionOf(ledger: OracleLedger, document: ConnectionDocument): LedgerConnection | null {
  const { client, server } = document;
  const straight = ledger.generations(conversationKey(client, server));
  // Who takes the client for the server is wrong about it, and not about its being there.
  const generations = straight.length > 0 ? straight : ledger.generations(conversationKey(server, client));
  let best: LedgerConnection | null = null;
  let bestMs = 0;
  for (const connection of generations) {
    const ms = overlapMs(connection, document);
    if (ms > bestMs) [best, bestMs] = [connection, ms];
  }
  return best;
}

/** For how long both were there, within the slack; 0 or less = never. */
function overlapMs(connection: LedgerConnection, document: ConnectionDocument): number {
  const never = Number.MAX_SAFE_INTEGER;
  const from = Math.max(openedAtMs(connection), Date.parse(document.openedAt));
  const closedMs = document.closedAt === null ? never : Date.parse(document.closedAt);
  return Math.min(closedAtMs(connection) ?? never, closedMs) + slackMs - from;
}
