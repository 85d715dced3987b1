/** Events of the live view to the documents of a watch stream, and whether a watcher asked for them. */
import type { WatchDocument } from '../../model/document.ts';
import { filterMatches } from '../../query/evaluate.ts';
import { apiVersion } from '../../wire/protocol.ts';
import { connectionDocument, edgeDocument, formatTime, hostDocument } from './documents.ts';
import type { FleetEvent } from './fleet-view.ts';
import { isInRealm, type Selection } from './inventory.ts';
import { connectionSubject, edgeSubject, hostSubject } from './subjects.ts';

type Content = Partial<Pick<WatchDocument, 'connection' | 'edge' | 'host' | 'missed'>>;

export function watchDocument(
  kind: WatchDocument['kind'],
  asOf: string,
  content: Content = {},
): WatchDocument {
  return { apiVersion, asOf, kind, connection: null, edge: null, host: null, missed: 0, ...content };
}

/** The document of an event, or null when the selection leaves it out. An edge has no realm, so that all watch it. */
export function eventDocument(event: FleetEvent, selection: Selection): WatchDocument | null {
  const asOf = formatTime(event.atMs);
  switch (event.kind) {
    case 'edge':
      if (!filterMatches(selection.filter, edgeSubject(event.edge))) return null;
      return watchDocument('edge', asOf, { edge: edgeDocument(event.edge) });
    case 'host': {
      if (!isInRealm(event.host.realm, selection)) return null;
      if (!filterMatches(selection.filter, hostSubject(event.host))) return null;
      return watchDocument('host', asOf, {
        host: hostDocument(event.host, { both: 0, client: 0, server: 0 }),
      });
    }
    case 'opened':
    case 'closed':
    case 'refused':
      if (!isInRealm(event.connection.server.realm, selection)) return null;
      if (!filterMatches(selection.filter, connectionSubject(event.connection))) return null;
      return watchDocument(event.kind, asOf, { connection: connectionDocument(event.connection) });
  }
}
