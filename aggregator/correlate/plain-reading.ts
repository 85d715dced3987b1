/** A row of the core as the connection that it stands for: for answers, and for what leaves the core. */
import type { DirectionRule } from '../../model/document.ts';
import type { Side } from '../../model/four-tuple.ts';
import { tupleKey } from '../../model/four-tuple.ts';
import {
  directionRules,
  facts,
  factsWord,
  listensA,
  listensB,
  ruleMask,
  ruleShift,
} from '../core/connection-row.ts';
import { type Connection, newConnection, otherSide } from './connection.ts';
import type { AddressSpace } from './plain-hosts.ts';
import type { ReportedSocket } from './report.ts';

/** A row with what the core does not know. */
export interface PlainRow {
  readonly row: number;
  readonly words: Int32Array;
  /** Of the row in `words`. */
  readonly first: number;
  /** Of end a and end b of the core; one at least. */
  readonly sockets: readonly [ReportedSocket | undefined, ReportedSocket | undefined];
  readonly id: string;
  /** Where its addresses are unique, as the core has it. */
  readonly space: AddressSpace | undefined;
  readonly reportedAtMs: number;
  /** null while it is open. */
  readonly closedAtMs: number | null;
}

/** By their numbers in the core. */
export const ruleNames: Readonly<Record<number, DirectionRule>> = {
  [directionRules.undecided]: 'unknown',
  [directionRules.unknown]: 'unknown',
  [directionRules.port]: 'port',
  [directionRules.conntrack]: 'conntrack',
  [directionRules.handshake]: 'handshake',
  [directionRules.listener]: 'listener',
};

/** Its sides are those of model/four-tuple, which orders ends by their texts. The direction of a lone one is not decided. */
export function readConnection(row: PlainRow): Connection {
  const { words, first, sockets, reportedAtMs, closedAtMs } = row;
  const [a, b] = sockets;
  const one = (a ?? b)!;
  const { side: sideOfOne } = tupleKey('', one.protocol, one);
  const sideOf = (end: 0 | 1): Side => ((end === 0) === (a !== undefined) ? sideOfOne : otherSide(sideOfOne));
  const known = words[first + factsWord]!;
  const has = (bit: number): boolean => (known & bit) !== 0;
  const connection = newConnection(row.id, sideOfOne, one, reportedAtMs);
  connection.realm = row.space?.realm ?? one.host.realm;
  if (a !== undefined) connection.halves[sideOf(0)] = a;
  if (b !== undefined) connection.halves[sideOf(1)] = b;
  if (a !== undefined && b !== undefined) {
    connection.endpoints = sideOf(0) === 'a' ? { a: a.local, b: b.local } : { a: b.local, b: a.local };
    connection.joinedBy = a.host === b.host ? 'same-host' : 'wire';
    connection.openedAtMs = Math.min(a.openedAtMs, b.openedAtMs);
  }
  connection.placed = has(facts.placed);
  if (connection.placed) {
    connection.client = sideOf(has(facts.clientIsB) ? 1 : 0);
    connection.direction = ruleNames[(known & ruleMask) >>> ruleShift]!;
  }
  if (has(facts.dialedA)) connection.handshakeClient = sideOf(0);
  else if (has(facts.dialedB)) connection.handshakeClient = sideOf(1);
  connection.established = has(facts.established);
  connection.closedAtMs = closedAtMs;
  return connection;
}

/** The side of a lone half behind which a listener was when it was opened; null where there was none. */
export function listeningSide(connection: Connection, { words, first, sockets }: PlainRow): Side | null {
  const bit = sockets[0] === undefined ? listensB : listensA;
  if ((words[first + factsWord]! & bit) === 0) return null;
  return connection.halves.a === null ? 'b' : 'a';
}
