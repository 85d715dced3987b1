/** Where connections landed that dialed an address which something translates: a virtual address, a published port. */
import { accepts, formatEndpoint } from '../../model/endpoint.ts';
import { endMatches } from '../../query/evaluate.ts';
import type { Term } from '../../query/syntax.ts';
import type { ConnectionEnd, ConnectionView, FleetView, ListenerView } from './fleet-view.ts';
import { filterEnd } from './subjects.ts';

/** The server ends that a target names only as they were dialed: one of each address. */
export class Landings {
  readonly #term: Term;
  /** In the order in which they were met. */
  readonly #dialed: ConnectionView[] = [];

  constructor(term: Term) {
    this.#term = term;
  }

  /** @param connection whose server is the target, however it is named */
  add(connection: ConnectionView): void {
    if (connection.server.seenAs === null) return;
    const { seenAs: _, ...own } = filterEnd(connection, 'server');
    if (!endMatches(this.#term, own)) this.#dialed.push(connection);
  }

  ends(): readonly ConnectionEnd[] {
    const landings = new Map<string, ConnectionEnd>();
    for (const { server } of this.#dialed.toSorted((a, b) => a.number - b.number)) {
      const key = `${server.realm}|${server.host?.id ?? ''}|${formatEndpoint(server.endpoint)}`;
      // A seen end tells more than an unseen one.
      if (server.socket !== null || !landings.has(key)) landings.set(key, server);
    }
    return [...landings.values()];
  }
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
