/**
 * Reuse of four-tuples. The connections that ever had one key and are still remembered are its generations; this
 * decides to which of them a newly reported half belongs. Nothing is joined across a reuse.
 *
 * Both ends of a connection come into being within one handshake. A scan bounds that moment for each half:
 * notBeforeMs < birth <= openedAtMs. Two halves can be one connection only when their bounds overlap.
 */
import type { Side } from '../../model/four-tuple.ts';
import { type Connection, isHalfOpen, missingSide, otherSide, reportedHalves } from './connection.ts';
import type { ReportedSocket } from './report.ts';

/** Handshake time plus what two hosts' clocks may differ by after their offsets were taken off, in milliseconds. */
export const clockSlackMs = 2_000;

/**
 * How many generations of one key are remembered; beyond it the oldest that is closed goes. A four-tuple that is reused
 * faster than it lingers must not make each reuse dearer than the one before.
 */
export const generationsMax = 64;

/** `displaced` had this half open under an older socket, so its close was missed. */
export type Placement =
  | { readonly kind: 'join'; readonly connection: Connection; readonly displaced: Connection | null }
  /** A connection of its own. */
  | { readonly kind: 'new'; readonly displaced: Connection | null }
  /** A connection of its own, and so are `rivals`: nothing tells which of them it belongs to. */
  | { readonly kind: 'ambiguous'; readonly rivals: readonly Connection[] };

/** @param generations remembered connections of the key of `socket`, in any order. */
export function placeHalf(generations: readonly Connection[], side: Side, socket: ReportedSocket): Placement {
  const occupied = generations.filter((connection) => isHalfOpen(connection.halves[side]));
  const rivals = occupied.filter((connection) => !sameNetns(connection.halves[side]!, socket));
  if (rivals.length > 0) return { kind: 'ambiguous', rivals };
  // An older socket that is told late, closed since, displaces none that came after it.
  // Several UDP sockets may have one four-tuple at a time (SO_REUSEPORT), so there none takes the other's place.
  const older = occupied.find((connection) => connection.halves[side]!.openedAtMs <= socket.openedAtMs);
  const displaced = socket.protocol === 'udp' ? null : (older ?? null);
  const candidates = generations.filter((connection) => canJoin(connection, side, socket));
  const first = candidates[0];
  if (first === undefined) return { kind: 'new', displaced };
  const other = otherSide(side);
  if (candidates.some((connection) => !sameNetns(connection.halves[other]!, first.halves[other]!))) {
    return { kind: 'ambiguous', rivals: candidates };
  }
  const nearest = candidates.reduce((best, connection) =>
    birthDistanceMs(connection.halves[other]!, socket) < birthDistanceMs(best.halves[other]!, socket)
      ? connection
      : best,
  );
  return { kind: 'join', connection: nearest, displaced };
}

/**
 * The lone open halves that were ambiguous and have no rival any more, because it closed or its host is gone: nothing
 * stands against joining them now.
 */
export function settledRivals(generations: readonly Connection[]): Connection[] {
  const open = generations.filter((connection) => reportedHalves(connection).some(isHalfOpen));
  return open.filter((connection) => {
    const missing = missingSide(connection);
    if (!connection.ambiguous || missing === null) return false;
    const half = connection.halves[otherSide(missing)]!;
    return open.every((other) => {
      const rival = other.halves[otherSide(missing)];
      return rival === null || !isHalfOpen(rival) || sameNetns(rival, half);
    });
  });
}

function canJoin(connection: Connection, side: Side, socket: ReportedSocket): boolean {
  const other = connection.halves[otherSide(side)];
  if (connection.halves[side] !== null || other === null || connection.ambiguous) return false;
  const bornAfter = Math.max(other.notBeforeMs, socket.notBeforeMs);
  const bornBy = Math.min(other.openedAtMs, socket.openedAtMs);
  return bornAfter <= bornBy + clockSlackMs && couldHaveMet(other, socket);
}

/**
 * Whether `socket` may be the peer of a half that is gone. One first seen before that half closed may, and one that the
 * kernel shows as closed by its peer; an established one first seen later is its successor in the four-tuple.
 */
function couldHaveMet(other: ReportedSocket, socket: ReportedSocket): boolean {
  if (other.closedAtMs === null) return true;
  const limitMs = other.closedAtMs + clockSlackMs;
  if (socket.openedAtMs <= limitMs) return true;
  return socket.state !== 'established' && socket.notBeforeMs <= limitMs;
}

function birthDistanceMs(a: ReportedSocket, b: ReportedSocket): number {
  return Math.abs(a.openedAtMs - b.openedAtMs);
}

function sameNetns(a: ReportedSocket, b: ReportedSocket): boolean {
  return a.host === b.host && a.netns === b.netns;
}
