/** Events of the live view to the documents of a watch stream, and whether a watcher asked for them. */
import type { WatchDocument } from '../../model/document.ts';
import { filterMatches } from '../../query/evaluate.ts';
import { apiVersion } from '../../wire/protocol.ts';
import type { Sight } from '../security/sight.ts';
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

/** Whether a watcher asked for the event. */
export function isSelected(event: FleetEvent, selection: Selection): boolean {
  const { filter } = selection;
  switch (event.kind) {
    case 'edge':
      return isInRealm(event.edge.realm, selection) && filterMatches(filter, edgeSubject(event.edge));
    case 'host':
      return isInRealm(event.host.realm, selection) && filterMatches(filter, hostSubject(event.host));
    case 'opened':
    case 'closed':
    case 'refused':
      return (
        isInRealm(event.connection.server.realm, selection) &&
        filterMatches(filter, connectionSubject(event.connection))
      );
  }
}

export function eventDocument(event: FleetEvent, sight: Sight): WatchDocument {
  const asOf = formatTime(event.atMs);
  switch (event.kind) {
    case 'edge':
      return watchDocument('edge', asOf, { edge: edgeDocument(event.edge) });
    case 'host': {
      const host = hostDocument(event.host, { both: 0, client: 0, server: 0 });
      return watchDocument('host', asOf, { host });
    }
    case 'opened':
    case 'closed':
    case 'refused':
      return watchDocument(event.kind, asOf, { connection: connectionDocument(event.connection, sight) });
  }
}
