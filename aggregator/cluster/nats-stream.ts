/** The JetStream stream of whotalks: its subjects, its bounds, and what a message carries. */
import { JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import type { WatchDocument } from '../../model/document.ts';
import { apiVersion } from '../../wire/protocol.ts';
import type { BusEvent } from './bus.ts';

export const streamName = 'WHOTALKS';

/** Every subject of the stream. */
const streamSubjects = ['whotalks.v1.connections.*', 'whotalks.v1.edges.*'];

const subjectOf = {
  opened: 'whotalks.v1.connections.opened',
  closed: 'whotalks.v1.connections.closed',
  edge: 'whotalks.v1.edges.new',
} as const satisfies Record<BusEvent['kind'], string>;

/**
 * Size at which the stream refuses further messages. A server whose disk is full can hang without a word; one whose
 * stream is full says so at once, so this stays well below any file system.
 */
export const streamMaxBytes = 256 * 1024 * 1024;

/** After this a message makes room. Nanoseconds, as JetStream counts. */
const streamMaxAgeNs = 24 * 3600 * 1e9;

/** How long the server remembers message ids. A repeat within it is stored once. Nanoseconds. */
const duplicateWindowNs = 2 * 60 * 1e9;

/** "stream name already in use with a different configuration" */
const streamNameInUse = 10058;

/** Makes the stream unless there is one. One that an operator made otherwise is taken as it is. */
export async function ensureStream(manager: JetStreamManager, maxBytes: number): Promise<void> {
  try {
    await manager.streams.add({
      name: streamName,
      subjects: streamSubjects,
      storage: 'file',
      discard: 'new',
      max_bytes: maxBytes,
      max_age: streamMaxAgeNs,
      duplicate_window: duplicateWindowNs,
    });
  } catch (error) {
    if (!(error instanceof JetStreamApiError && error.code === streamNameInUse)) throw error;
  }
}

/** Subject and body of an event. The body is a line of `whotalks watch -o ndjson`. */
export function encodeEvent(event: BusEvent): { readonly subject: string; readonly payload: Uint8Array } {
  const document: WatchDocument = {
    apiVersion,
    asOf: new Date(event.atMs).toISOString(),
    kind: event.kind,
    connection: event.kind === 'edge' ? null : event.document,
    edge: event.kind === 'edge' ? event.document : null,
    host: null,
    missed: 0,
  };
  return { subject: subjectOf[event.kind], payload: Buffer.from(JSON.stringify(document)) };
}
