/**
 * The bus: where an aggregator tells other programs what it saw. In-process by default, JetStream with `--nats`.
 *
 * Publishing never waits and never throws: ingest and queries do not depend on the bus. What a bus could not deliver
 * is counted in its state, which `/readyz`, the metrics and the log show.
 */
import type { ConnectionDocument, EdgeDocument } from '../../model/document.ts';
import type { ConnectionView, EdgeView, FleetEvent, FleetView } from '../serve/fleet-view.ts';

/** One thing to tell, with its document as it is at this moment. `atMs` is the aggregator's clock, unix ms. */
export type BusEvent =
  | { readonly kind: 'opened' | 'closed'; readonly atMs: number; readonly document: ConnectionDocument }
  /** A dependency was seen for the first time. */
  | { readonly kind: 'edge'; readonly atMs: number; readonly document: EdgeDocument };

export interface BusState {
  readonly state: 'connected' | 'disconnected';
  /** Unix ms since when it is in this state. */
  readonly since: number;
  /** Why it is disconnected, or why its last event was refused; null when nothing is wrong. One line. */
  readonly error: string | null;
  /** Events that the bus has taken for good: for JetStream those it acknowledged. */
  readonly published: number;
  /** Events that nobody will receive: the queue was full, or the bus refused them. */
  readonly lost: number;
  /** Events that wait, or are under way without an acknowledgement. */
  readonly queued: number;
  /** Times that an event was sent again because nobody acknowledged it. Each is stored once all the same. */
  readonly repeated: number;
}

export interface Bus {
  /** For the log and `/readyz`. */
  readonly name: 'in-process' | 'nats';
  publish(event: BusEvent): void;
  /** False while nobody would receive an event, so that no document is made for it. */
  hasTakers(): boolean;
  state(): BusState;
  /** Waits a short, bounded time for what is under way; the rest is counted as lost. Idempotent. */
  close(): Promise<void>;
}

/** Turns views into the documents that travel. */
export interface BusDocuments {
  connection(view: ConnectionView): ConnectionDocument;
  edge(view: EdgeView): EdgeDocument;
}

/** Publishes what happens in `view` from now on. Returns the function that ends it; it does not close the bus. */
export function publishFleet(view: FleetView, bus: Bus, documents: BusDocuments): () => void {
  const publish = (event: FleetEvent): void => {
    if (!bus.hasTakers()) return;
    const { kind, atMs } = event;
    if (kind === 'opened' || kind === 'closed') {
      bus.publish({ kind, atMs, document: documents.connection(event.connection) });
    } else if (kind === 'edge') {
      bus.publish({ kind, atMs, document: documents.edge(event.edge) });
    }
  };
  return view.subscribe(publish, () => bus.hasTakers());
}
