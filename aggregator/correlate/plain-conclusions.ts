/** What follows when the core has placed, opened or closed a connection: in edges, in how well ends are matched, for watchers. */
import { facts, factsWord, rowShift, ruleMask } from '../core/connection-row.ts';
import type { Edge } from '../graph/edges.ts';
import { type MatchCounts, matchedCell } from './match-counts.ts';
import { countBytes, type EdgeParts, touchEdge } from './plain-edges.ts';
import type { PlainListeners } from './plain-listeners.ts';
import type { PlainObserver } from './plain-observer.ts';

export class PlainConclusions {
  readonly #parts: EdgeParts;
  readonly #listeners: PlainListeners;
  readonly #begun: Edge[];
  readonly #matches: MatchCounts;
  readonly #observer: PlainObserver;

  /** @param begun edges that nobody was told of. @param matches where what is placed counts as matched */
  constructor(
    parts: EdgeParts,
    listeners: PlainListeners,
    begun: Edge[],
    matches: MatchCounts,
    observer: PlainObserver,
  ) {
    this.#parts = parts;
    this.#listeners = listeners;
    this.#begun = begun;
    this.#matches = matches;
    this.#observer = observer;
  }

  /** The core has opened or closed a connection, or left it as it was. */
  settled(row: number, before: number, nowMs: number): void {
    const isOver = (this.#factsOf(row) & facts.over) !== 0;
    this.#parts.rows.settle(row, isOver);
    if ((before & facts.placed) === 0) return;
    touchEdge(this.#parts, row);
    if (isOver === ((before & facts.over) !== 0)) return;
    this.countMatch(row, before, -1);
    this.countMatch(row, this.#factsOf(row), 1);
    if (isOver) this.#observer.plainClosed(row, nowMs);
  }

  /** Counts a connection that is placed as matched, by what its facts say of being over. */
  countMatch(row: number, known: number, by: 1 | -1): void {
    const { rows } = this.#parts;
    const [a, b] = [rows.hostOf(row << 1), rows.hostOf((row << 1) | 1)];
    if (a === null || b === null) return;
    this.#matches.add(matchedCell((known & facts.over) === 0), a, a === b ? null : b, by);
  }

  placed(row: number, nowMs: number): void {
    this.#listeners.file(row, this.#parts.core.words);
    touchEdge(this.#parts, row);
    countBytes(this.#parts, row);
    this.#tellBegun(nowMs);
    this.countMatch(row, this.#factsOf(row), 1);
    this.#observer.plainMatched(this.#parts.rows.acceptedMs(row));
    this.#observer.plainPlaced(row, nowMs);
  }

  /** Its direction may have been decided otherwise. */
  placedAnew(row: number, before: number, nowMs: number): void {
    const changed = before ^ this.#factsOf(row);
    if ((changed & ruleMask) !== 0) this.#listeners.file(row, this.#parts.core.words);
    if ((changed & facts.clientIsB) === 0) return;
    touchEdge(this.#parts, row);
    countBytes(this.#parts, row);
    this.#tellBegun(nowMs);
  }

  #tellBegun(nowMs: number): void {
    for (const edge of this.#begun.splice(0)) this.#observer.edgeBegan(edge, nowMs);
  }

  #factsOf(row: number): number {
    return this.#parts.core.words[(row << rowShift) + factsWord]!;
  }
}
