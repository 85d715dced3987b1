/** Things of the live view, as filters see them. */
import { type IpAddress, parseIp } from '../../model/ip.ts';
import { reachableAt } from '../../query/bound-address.ts';
import type { FilterEnd, FilterSubject } from '../../query/evaluate.ts';
import type { ReportedSocket, ReportingHost } from '../correlate/report.ts';
import { hostAddresses } from './documents.ts';
import type { ConnectionView, EdgeView, ListenerView } from './fleet-view.ts';

export function connectionSubject(connection: ConnectionView): FilterSubject {
  return { client: filterEnd(connection, 'client'), server: filterEnd(connection, 'server') };
}

/** An end without a service is found by its label too: the name under which edges list it. */
export function filterEnd(connection: ConnectionView, side: 'client' | 'server'): FilterEnd {
  const end = connection[side];
  const { endpoint, host, realm, seenAs } = end;
  const service = end.service ?? end.label;
  const own = { ...endpoint, host: host?.name ?? null, service, realm };
  if (seenAs === null) return own;
  // A published port is dialed at its host, `node1:30443`. Who is masqueraded behind a host is none of its processes.
  const dialedAt = side === 'server' ? (seenAs.host?.name ?? null) : null;
  return { ...own, seenAs: { ...seenAs.endpoint, host: dialedAt, service, realm } };
}

/** A listener answers as a server without a client. */
export function listenerSubject(listener: ListenerView): FilterSubject {
  const { socket } = listener;
  const end: FilterEnd = {
    ...socket.local,
    host: socket.host.name,
    service: listener.service,
    realm: socket.host.realm,
    alsoAt: reportedAddresses(socket),
  };
  return { client: null, server: end };
}

/** The addresses besides its own on which a reported socket is reached. */
export function reportedAddresses(socket: ReportedSocket): readonly IpAddress[] {
  const netns = socket.host.netns.get(socket.netns);
  return reachableAt(socket.local.ip, netns?.addresses.map(({ ip }) => ip) ?? []);
}

export function hostSubject(host: ReportingHost): FilterSubject {
  const alsoAt = hostAddresses(host);
  return {
    client: null,
    server: { ip: null, port: null, host: host.name, service: null, realm: host.realm, alsoAt },
  };
}

/** An edge knows no more of its ends than their labels, which may be addresses, and the server's port. */
export function edgeSubject(edge: EdgeView): FilterSubject {
  const end = (label: string, port: number | null): FilterEnd => ({
    ip: parseIp(label),
    port,
    host: label,
    service: label,
    realm: edge.realm,
  });
  return { client: end(edge.client, null), server: end(edge.server, edge.port) };
}
