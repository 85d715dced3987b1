/**
 * Brings the halves that stand where one stands up to what all of them say together (rivalry.ts): what was joined before a
 * rival was told, or before it was known when one of them ended, is taken back.
 */
import { candidatesFor } from './candidates.ts';
import { type Connection, missingSide, otherSide } from './connection.ts';
import type { ConnectionTable, Half } from './connection-table.ts';
import type { Flows } from './flows.ts';
import { couldBeOneBirth, rivalsOf } from './generations.ts';
import type { Lives } from './lives.ts';
import type { ReportedSocket } from './report.ts';
import { isCrowded, Rivalry, type Verdict } from './rivalry.ts';

interface Known {
  readonly table: ConnectionTable;
  readonly flows: Flows;
}

/** What it acts on. */
export interface Settling {
  /** The half becomes a connection of its own. */
  sever(half: Half): void;
  /** Two lone halves, opposite to each other, become one connection. */
  unite(half: Half, peer: Half): void;
  /** Nobody is the other end of a connection, for now; why may be new. */
  leaveAlone(connection: Connection): void;
  /** It could be of several connections. */
  leaveUndecided(half: Half): void;
}

/** Most stand alone or with their peer: nothing is to be settled there. What conntrack alone tells of has no birth. */
export function mayBeUnsettled(half: Half, table: ConnectionTable): boolean {
  return !half.socket.byConntrack && (isCrowded(half, table) || !doFit(half.connection));
}

export function settleAround(half: Half, known: Known, lives: Lives, acting: Settling): void {
  const { table } = known;
  const rivalry = new Rivalry(table, lives);
  const verdicts = rivalry.around(half).map((each) => [each.socket, rivalry.verdictOn(each)] as const);
  for (const [each, verdict] of verdicts) {
    const found = table.halfOf(each);
    if (found !== undefined && isJoinedElsewhere(found, verdict)) acting.sever(found);
  }
  for (const [each, verdict] of verdicts) accept(each, verdict, known, acting);
}

/** Whether it is joined, by tuples or by less, to another one than the verdict says. */
function isJoinedElsewhere({ connection, side, socket }: Half, verdict: Verdict): boolean {
  const peer = connection.halves[otherSide(side)];
  const { joinedBy } = connection;
  if (peer === null || peer === socket || peer.byConntrack || joinedBy === null) return false;
  if (verdict.kind === 'one') return verdict.peer.socket !== peer;
  return joinedBy === 'wire' || joinedBy === 'same-host';
}

function accept(socket: ReportedSocket, verdict: Verdict, known: Known, acting: Settling): void {
  const half = known.table.halfOf(socket);
  if (half === undefined) return;
  const { connection } = half;
  if (verdict.kind === 'one') {
    const peer = known.table.halfOf(verdict.peer.socket);
    if (peer === undefined || peer.connection === connection) return;
    connection.ambiguous = false;
    peer.connection.ambiguous = false;
    acting.unite(half, peer);
  } else if (missingSide(connection) !== null) {
    if (verdict.kind === 'ambiguous') {
      connection.ambiguous = true;
      acting.leaveUndecided(half);
    } else if (connection.ambiguous) connection.ambiguous = hasRival(half, known);
    acting.leaveAlone(connection);
  }
}

/** Whether another one stands where it does, which its unseen other end could as well be looking at. */
export function hasRival({ connection, socket, standing }: Half, known: Known): boolean {
  return rivalsOf(candidatesFor(socket, standing, known, connection), socket).length > 0;
}

/** Whether it could be joined to one of several. */
export function isDisputed(half: Half, { table }: Known, lives: Lives): boolean {
  return new Rivalry(table, lives).verdictOn(half).kind === 'ambiguous';
}

/** Whether its two halves are of one birth, as far as is known now. */
function doFit({ halves: { a, b }, joinedBy }: Connection): boolean {
  if (a === null || b === null || a === b || a.byConntrack || b.byConntrack) return true;
  return joinedBy === 'forwarder' || joinedBy === 'inferred' || couldBeOneBirth(a, b);
}
