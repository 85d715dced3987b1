/** Walks over all connections in steps: views of those that a question may be about, and what edges they count in. */
import type { IpAddress } from '../../model/ip.ts';
import { type Connection, lastSeenAtMs } from '../correlate/connection.ts';
import type { Correlator } from '../correlate/correlator.ts';
import type { WalkedBlock } from '../correlate/every-connection.ts';
import { edgeOf, touchEdge } from '../correlate/plain-edges.ts';
import type { Edge, EdgeShare, Edges } from '../graph/edges.ts';
import { SeenAnew } from '../graph/seen-anew.ts';
import { type ConnectionView, edgeNameOf, type Narrowing } from '../serve/fleet-view.ts';
import type { Steps } from '../steps.ts';
import type { ConnectionViews } from './connection-views.ts';
import { PlainView } from './plain-view.ts';
import { rowSieve } from './row-sieve.ts';
import type { ServiceNames } from './service-names.ts';
import { planSieve, wantsAll } from './sieve-plan.ts';
import type { SieveThread } from './sieve-thread.ts';

export interface SearchParts {
  readonly correlator: Correlator;
  readonly views: ConnectionViews;
  readonly services: ServiceNames;
  readonly edgeTable: Edges;
  /** Null where there is one thread alone. */
  readonly sieveThread: SieveThread | null;
}

export class FleetSearch {
  readonly #parts: SearchParts;
  readonly #texts = new Map<number, IpAddress>();

  constructor(parts: SearchParts) {
    this.#parts = parts;
  }

  /** As FleetView has it. */
  *search(
    narrowing: Narrowing,
    look: (block: readonly ConnectionView[]) => void,
    isEnough: () => boolean = () => false,
  ): Steps<void> {
    const { views } = this.#parts;
    for (const block of this.#walk(narrowing)) {
      if (block instanceof Promise) {
        yield block;
        continue;
      }
      this.#texts.clear();
      const rows = block.rows.map((row) => this.#viewAt(row));
      look([...rows, ...block.connections.map((connection) => views.of(connection))]);
      if (isEnough()) return;
      yield;
    }
  }

  /** By the thread that looks at rows, where it is worth its messages. */
  #walk(narrowing: Narrowing): Iterable<WalkedBlock | Promise<void>> {
    const { correlator, sieveThread } = this.#parts;
    const { rows } = correlator.plain;
    const plan = planSieve(rows, narrowing);
    const isWanted = rowSieve(rows.sieved, plan);
    const ahead = wantsAll(plan) ? null : sieveThread?.search(plan, rows.top);
    return ahead ? correlator.connections.walkAhead(isWanted, ahead) : correlator.connections.walk(isWanted);
  }

  /** As FleetView has it. */
  held(connection: ConnectionView): ConnectionView {
    const { correlator, views } = this.#parts;
    return connection instanceof PlainView ? views.of(correlator.connections.at(connection.row)) : connection;
  }

  /** Edges with a connection that is there. */
  *connectedEdges(): Steps<ReadonlySet<Edge>> {
    const { correlator, views, edgeTable } = this.#parts;
    const connected = new Set<Edge>();
    const add = (edge: Edge | undefined | null): void => void (edge && connected.add(edge));
    const named = (connection: ConnectionView): Edge | undefined => edgeTable.find(edgeNameOf(connection));
    for (const { rows, connections } of correlator.connections.walk(() => true)) {
      // What counts in no edge may all the same be called as one is: a lone one, or one for which there was no room.
      for (const row of rows) add(edgeOf(correlator.plain.edgeParts, row) ?? named(this.#viewAt(row)));
      for (const connection of connections) add(named(views.of(connection)));
      yield;
    }
    return connected;
  }

  /**
   * Brings the edges up to when their open connections were seen last, and vague ones to since when they are there.
   * @param shareOf what a connection that is an object counts as
   */
  *touchEdges(shareOf: (connection: Connection) => EdgeShare | undefined): Steps<void> {
    const { edgeTable, correlator } = this.#parts;
    const { rows, edgeParts } = correlator.plain;
    const seen = new SeenAnew(edgeTable);
    const isWanted = (row: number): boolean =>
      rows.closedAtMs(row) === null || (seen.isNeeded && seen.concerns(edgeOf(edgeParts, row)));
    for (const block of correlator.connections.walk(isWanted)) {
      for (const row of block.rows) {
        if (rows.closedAtMs(row) === null) touchEdge(edgeParts, row);
        if (seen.isNeeded) seen.note(edgeOf(edgeParts, row), rows.openedAtMs(row));
      }
      for (const connection of block.connections) {
        const share = shareOf(connection);
        if (share === undefined) continue;
        if (share.open) edgeTable.touch(share, lastSeenAtMs(connection));
        if (seen.isNeeded) seen.note(edgeTable.find(share), share.firstSeenAtMs);
      }
      yield;
    }
    seen.settle();
  }

  #viewAt(row: number): ConnectionView {
    const { correlator, services, views } = this.#parts;
    const { rows } = correlator.plain;
    if (rows.isPlaced(row)) return new PlainView({ rows, services, texts: this.#texts }, row);
    return views.of(correlator.connections.at(row));
  }
}
