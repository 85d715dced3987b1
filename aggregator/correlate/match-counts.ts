/**
 * How well connections are matched, counted as they change: for the fleet, and for each host that has an end of any.
 *
 * A tally is one number per cell. A cell is what a connection counts as: open or not, the ends that are seen, and what
 * came of matching it:
 *
 *     cell = (isOpen * seen ends + seen) * results + result
 */
import type { Seen, SeenCounts, UnseenBecause } from '../../model/document.ts';
import type { ReportingHost } from './report.ts';

/** What came of matching: both ends are known, or the reason why one is not. */
export type MatchResult = 'matched' | UnseenBecause;

export const matchResults = [
  'matched',
  'no-agent',
  'agent-stale',
  'not-yet',
  'closed-first',
  'translated',
  'ambiguous',
] as const satisfies readonly MatchResult[];

const seenEnds = ['both', 'client', 'server'] as const satisfies readonly Seen[];

const cellsPerState = seenEnds.length * matchResults.length;

/** See the layout above. */
export function cellOf(isOpen: boolean, seen: Seen, result: MatchResult): number {
  const row = (isOpen ? seenEnds.length : 0) + seenEnds.indexOf(seen);
  return row * matchResults.length + matchResults.indexOf(result);
}

export function matchedCell(isOpen: boolean): number {
  return cellOf(isOpen, 'both', 'matched');
}

/** Whether both ends are known of what counts in that cell; no cell is below 0. */
export function isMatchedCell(cell: number): boolean {
  return cell >= 0 && cell % matchResults.length === matchResults.indexOf('matched');
}

/** What a connection counts as now, and for whom: the hosts of its ends. Only MatchCounts changes it. */
export interface Counted {
  /** -1 = in nothing. */
  cell: number;
  one: ReportingHost | null;
  /** null where it is that of `one`. */
  other: ReportingHost | null;
}

export function countedNowhere(): Counted {
  return { cell: -1, one: null, other: null };
}

export class MatchTally {
  readonly #cells = new Int32Array(2 * cellsPerState);
  /** Of all cells. */
  total = 0;

  add(cell: number, by: 1 | -1): void {
    this.#cells[cell]! += by;
    this.total += by;
  }

  /** Connections with that result, open or closed ones. */
  count(isOpen: boolean, result: MatchResult): number {
    return seenEnds.reduce((sum, seen) => sum + this.#cells[cellOf(isOpen, seen, result)]!, 0);
  }

  /** Open connections by the ends that are seen. */
  get open(): SeenCounts {
    const [both, client, server] = seenEnds.map((seen) =>
      matchResults.reduce((sum, result) => sum + this.#cells[cellOf(true, seen, result)]!, 0),
    );
    return { both: both!, client: client!, server: server! };
  }
}

export class MatchCounts {
  readonly fleet = new MatchTally();
  /** In the order in which they came to have a connection; one with none has no entry. */
  readonly #hosts = new Map<ReportingHost, MatchTally>();

  get hosts(): ReadonlyMap<ReportingHost, MatchTally> {
    return this.#hosts;
  }

  /** Lets a connection count as `cell`, for the hosts of its ends, in place of what it counted as before. */
  count(counted: Counted, cell: number, one: ReportingHost | null, other: ReportingHost | null): void {
    const second = other === one ? null : other;
    if (counted.cell === cell && counted.one === one && counted.other === second) return;
    this.uncount(counted);
    counted.cell = cell;
    counted.one = one;
    counted.other = second;
    this.#add(counted, 1);
  }

  /** One more connection, or one less, that is kept elsewhere. @param other null where it is that of `one` */
  add(cell: number, one: ReportingHost | null, other: ReportingHost | null, by: 1 | -1): void {
    this.#add({ cell, one, other }, by);
  }

  /** The connection is gone. */
  uncount(counted: Counted): void {
    if (counted.cell < 0) return;
    this.#add(counted, -1);
    counted.cell = -1;
  }

  #add({ cell, one, other }: Counted, by: 1 | -1): void {
    this.fleet.add(cell, by);
    if (one !== null) this.#addTo(one, cell, by);
    if (other !== null) this.#addTo(other, cell, by);
  }

  #addTo(host: ReportingHost, cell: number, by: 1 | -1): void {
    const known = this.#hosts.get(host);
    const tally = known ?? new MatchTally();
    tally.add(cell, by);
    if (tally.total === 0) this.#hosts.delete(host);
    else if (known === undefined) this.#hosts.set(host, tally);
  }
}
