/** Where connections landed that dialed an address which something translates: a virtual address, a published port. */
import { accepts, formatEndpoint } from '../../model/endpoint.ts';
import { endMatches } from '../../query/evaluate.ts';
import type { Term } from '../../query/syntax.ts';
import type { ConnectionEnd, ConnectionView, FleetView, ListenerView } from './fleet-view.ts';
import { filterEnd } from './subjects.ts';

/** The server ends that a target names only as they were dialed: one of each address. */
export function landingsOf(connections: readonly ConnectionView[], term: Term): readonly ConnectionEnd[] {
  const landings = new Map<string, ConnectionEnd>();
  for (const connection of connections) {
    const { server } = connection;
    if (server.seenAs === null) continue;
    const { seenAs: _, ...own } = filterEnd(connection, 'server');
    if (endMatches(term, own)) continue;
    const key = `${server.realm}|${server.host?.id ?? ''}|${formatEndpoint(server.endpoint)}`;
    // A seen end tells more than an unseen one.
    if (server.socket !== null || !landings.has(key)) landings.set(key, server);
  }
  return [...landings.values()];
}

/** The listeners that took them. */
export function listenersBehind(view: FleetView, landings: readonly ConnectionEnd[]): ListenerView[] {
  if (landings.length === 0) return [];
  return [...view.listeners()].filter(({ socket: listener }) =>
    landings.some(
      ({ endpoint, socket }) =>
        socket !== null &&
        socket.host === listener.host &&
        socket.netns === listener.netns &&
        socket.protocol === listener.protocol &&
        accepts(listener.local, endpoint),
    ),
  );
}
