/** The order of the connection table. */
import type { ConnectionDocument } from '../../model/document.ts';
import { endLabel } from '../words/format.ts';
import type { Sort, SortKey } from './place.ts';

const sortTexts: Readonly<Record<SortKey, (connection: ConnectionDocument) => string>> = {
  client: ({ client }) => endLabel(client),
  server: ({ server }) => `${endLabel(server)}\u0000${String(server.port).padStart(5, '0')}`,
  state: ({ state }) => state,
  seen: ({ seen }) => seen,
  // RFC 3339 in UTC sorts as text.
  opened: ({ openedAt }) => openedAt,
};

/** A sorted copy; equal rows stand by id, so that a refresh never shuffles them. */
export function sortConnections(
  connections: readonly ConnectionDocument[],
  sort: Sort,
): ConnectionDocument[] {
  const textOf = sortTexts[sort.key];
  const sign = sort.descending ? -1 : 1;
  return connections.toSorted((a, b) => sign * compare(textOf(a), textOf(b)) || compare(a.id, b.id));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
