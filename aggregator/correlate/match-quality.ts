/**
 * Judges each connection whenever something about it is new: are both its ends known, and if not, why. What was judged is
 * counted (match-counts.ts).
 *
 * Why an end is unseen may become another reason without a word about the connection itself: a host goes stale, a rival
 * appears, the grace time is over. Those are doubted, and judged anew at the next settle.
 */
import type { UnseenBecause } from '../../model/document.ts';
import type { Side } from '../../model/four-tuple.ts';
import type { AddressClaims } from './address-claims.ts';
import { addTo, removeFrom } from './concerned.ts';
import { type Connection, missingSide, otherSide, seenOf, stateOfConnection } from './connection.ts';
import type { ConnectionTable } from './connection-table.ts';
import {
  type Counted,
  cellOf,
  countedNowhere,
  isMatchedCell,
  type MatchCounts,
  type MatchResult,
  matchedCell,
} from './match-counts.ts';
import type { Portrait } from './portrait.ts';
import type { ReportingHost } from './report.ts';
import { unseenBecause } from './unseen.ts';

export interface MatchQualityParts {
  readonly claims: AddressClaims;
  readonly table: ConnectionTable;
  /** Whether the other end of a lone half may still be on its way. */
  readonly isWithinGrace: (connection: Connection, nowMs: number) => boolean;
  /** Both ends of it are known, which they were not before. */
  readonly matched: (connection: Connection) => void;
}

export class MatchQuality {
  readonly counts: MatchCounts;
  readonly #parts: MatchQualityParts;
  readonly #doubted = new Set<Connection>();
  readonly #loneElsewhere: Counted[] = [];
  /** With an end that is unseen, by the host of the other. */
  readonly #lone = new Map<ReportingHost, Set<Connection>>();

  constructor(counts: MatchCounts, parts: MatchQualityParts) {
    this.counts = counts;
    this.#parts = parts;
  }

  /** Connections to be judged anew. */
  get doubted(): number {
    return this.#doubted.size;
  }

  /** Why an end is unseen; null where none is. */
  unseenBecause(connection: Connection, nowMs: number): UnseenBecause | null {
    const side = missingSide(connection);
    const seen = side === null ? null : connection.halves[otherSide(side)];
    if (side === null || seen === null || connection.datagramPeer !== null) return null;
    return unseenBecause({
      claims: this.#parts.claims.of(seen.host, seen.netns, connection.endpoints[side].ip),
      ambiguous: connection.ambiguous || connection.behindGateway,
      seenState: stateOfConnection(connection),
      withinGrace: this.#parts.isWithinGrace(connection, nowMs),
    });
  }

  judge(connection: Connection, nowMs: number): void {
    const result: MatchResult = this.unseenBecause(connection, nowMs) ?? 'matched';
    const cell = cellOf(connection.closedAtMs === null, seenOf(connection), result);
    const counted = connection.counted ?? countedNowhere();
    connection.counted = counted;
    const wasMatched = isMatchedCell(counted.cell);
    const loneBefore = loneHostOf(counted);
    this.counts.count(counted, cell, hostAt(connection, 'a'), hostAt(connection, 'b'));
    this.#fileLone(connection, loneBefore, loneHostOf(counted));
    // One that is not placed yet is judged when its grace time is over.
    if (result === 'not-yet' && connection.placed) this.#doubted.add(connection);
    else this.#doubted.delete(connection);
    if (result === 'matched' && !wasMatched) this.#parts.matched(connection);
  }

  #fileLone(connection: Connection, before: ReportingHost | null, now: ReportingHost | null): void {
    if (before === now) return;
    if (before !== null) removeFrom(this.#lone, before, connection);
    if (now !== null) addTo(this.#lone, now, connection);
  }

  /** Why its other end is unseen may be another reason now. */
  doubt(connection: Connection): void {
    if (missingSide(connection) !== null) this.#doubted.add(connection);
  }

  /**
   * Whether a host is live, or what it claims, is another: doubts what misses an end at its addresses, and its own ends.
   * @param portraits of the host, before and now
   */
  doubtAround(host: ReportingHost, ...portraits: readonly (Portrait | null)[]): void {
    for (const connection of this.#lone.get(host) ?? []) this.#doubted.add(connection);
    const { concerned } = this.#parts.table;
    for (const portrait of portraits) {
      for (const ip of portrait?.addresses ?? []) {
        for (const each of concerned.byMissingEnd(portrait!.realm, ip)) this.#doubted.add(each);
      }
    }
  }

  /** Judges what is in doubt. */
  settle(nowMs: number): void {
    for (const connection of this.#doubted) this.judge(connection, nowMs);
  }

  /** It was counted in the core, and its count is this one's from now on. */
  takeOver(connection: Connection): void {
    const { a, b } = connection.halves;
    const cell = matchedCell(connection.closedAtMs === null);
    connection.counted = { cell, one: a!.host, other: a!.host === b!.host ? null : b!.host };
  }

  /** Lone ones that are kept elsewhere, in place of those that were told last. */
  countLone(connections: Iterable<Connection>, nowMs: number): void {
    for (const counted of this.#loneElsewhere.splice(0)) this.counts.uncount(counted);
    for (const connection of connections) {
      const result: MatchResult = this.unseenBecause(connection, nowMs) ?? 'matched';
      const counted = countedNowhere();
      const cell = cellOf(connection.closedAtMs === null, seenOf(connection), result);
      this.counts.count(counted, cell, hostAt(connection, 'a'), hostAt(connection, 'b'));
      this.#loneElsewhere.push(counted);
    }
  }

  /** The connection left the live view. */
  leave(connection: Connection): void {
    this.#doubted.delete(connection);
    const { counted } = connection;
    if (counted === null) return;
    this.#fileLone(connection, loneHostOf(counted), null);
    this.counts.uncount(counted);
    connection.counted = null;
  }
}

/** Of what counts as having an unseen end, the host of the other; null of all else. */
function loneHostOf({ cell, one, other }: Counted): ReportingHost | null {
  return cell < 0 || isMatchedCell(cell) ? null : (one ?? other);
}

/** The host of that end; null where it is unseen. The socket that takes the datagrams of a lone UDP half is an end. */
function hostAt({ halves, datagramPeer }: Connection, side: Side): ReportingHost | null {
  return (halves[side] ?? datagramPeer)?.host ?? null;
}
