/** Who uses each listener: connections by the listener that accepted them. */
import type { ListenerDocument } from '../../model/document.ts';
import { accepts } from '../../model/endpoint.ts';
import { type IpAddress, isLoopback } from '../../model/ip.ts';
import type { Protocol } from '../../model/socket-state.ts';
import type { ReportedSocket, ReportingHost } from '../correlate/report.ts';
import { listenerEndDocument } from './documents.ts';
import type { ConnectionView, FleetView, ListenerView } from './fleet-view.ts';
import { isOpenConnection } from './peers.ts';
import { reportedAddresses } from './subjects.ts';

export interface ListenerUsage {
  /** Labels of the services that call it. */
  readonly clients: Set<string>;
  /** Open connections. */
  open: number;
}

type ListenersByPort = ReadonlyMap<string, readonly ReportedSocket[]>;

/** By the listener's socket; a listener that nobody uses is there with zeros. */
export function countListenerUsage(view: FleetView): Map<ReportedSocket, ListenerUsage> {
  const usage = new Map<ReportedSocket, ListenerUsage>();
  const byPort = new Map<string, ReportedSocket[]>();
  for (const { socket } of view.listeners()) {
    usage.set(socket, { clients: new Set(), open: 0 });
    const key = portKey(socket.host, socket.protocol, socket.local.port);
    byPort.set(key, [...(byPort.get(key) ?? []), socket]);
  }
  for (const connection of view.connections()) {
    for (const socket of listenersOf(connection, byPort)) {
      const used = usage.get(socket)!;
      used.clients.add(connection.client.label);
      if (isOpenConnection(connection)) used.open += 1;
    }
  }
  return usage;
}

function portKey(host: ReportingHost, protocol: Protocol, port: number): string {
  return `${host.id}|${protocol}|${port}`;
}

/**
 * The listener that took the connection. Sockets that share one endpoint (SO_REUSEPORT) are told apart by the process
 * that has the accepted socket; where that does not decide, all of them count it.
 */
function listenersOf(connection: ConnectionView, byPort: ListenersByPort): readonly ReportedSocket[] {
  const { server, protocol } = connection;
  if (server.host === null) return [];
  const netns = serverNetns(connection);
  const candidates = (byPort.get(portKey(server.host, protocol, server.endpoint.port)) ?? []).filter(
    (listener) =>
      accepts(listener.local, server.endpoint) &&
      (netns === null ? isAt(listener, server.endpoint.ip) : listener.netns === netns),
  );
  const exact = candidates.filter((listener) => listener.local.ip === server.endpoint.ip);
  const nearest = exact.length > 0 ? exact : candidates;
  const pid = server.owners[0]?.process.pid;
  const owned = nearest.filter((listener) => listener.owners.some((owner) => owner.process.pid === pid));
  return owned.length > 0 ? owned : nearest;
}

/** The namespace that the server end is in: its own, or the client's on loopback; null when only the address tells. */
function serverNetns({ client, server }: ConnectionView): number | null {
  if (server.socket !== null) return server.socket.netns;
  return isLoopback(server.endpoint.ip) ? (client.socket?.netns ?? null) : null;
}

function isAt(listener: ReportedSocket, ip: IpAddress): boolean {
  return listener.local.ip === ip || reportedAddresses(listener).includes(ip);
}

export function listenerDocument(listener: ListenerView, usage: ListenerUsage): ListenerDocument {
  return {
    ...listenerEndDocument(listener),
    protocol: listener.socket.protocol,
    clients: usage.clients.size,
    open: usage.open,
  };
}
