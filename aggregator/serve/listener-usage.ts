/** Who uses each listener: connections by the listener that accepted them. */
import type { ListenerDocument } from '../../model/document.ts';
import { accepts } from '../../model/endpoint.ts';
import { type IpAddress, isLoopback } from '../../model/ip.ts';
import type { Protocol } from '../../model/socket-state.ts';
import { everything } from '../../query/syntax.ts';
import type { ReportedSocket, ReportingHost } from '../correlate/report.ts';
import type { Sight } from '../security/sight.ts';
import type { Steps } from '../steps.ts';
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

/** Of a listener that nobody was asked about. */
export const unused: ListenerUsage = { clients: new Set(), open: 0 };

/** The listeners that take what is sent to one endpoint. Any number of them share it under SO_REUSEPORT. */
interface Accepting {
  readonly all: readonly ReportedSocket[];
  readonly byPid: ReadonlyMap<number, readonly ReportedSocket[]>;
}

const nobody: Accepting = { all: [], byPid: new Map() };

/** By the listener's socket; a listener that nobody uses is there with zeros. */
export function* countListenerUsage(view: FleetView): Steps<Map<ReportedSocket, ListenerUsage>> {
  const usage = new Map<ReportedSocket, ListenerUsage>();
  const byPort = new Map<string, ReportedSocket[]>();
  for (const { socket } of view.listeners()) {
    usage.set(socket, { clients: new Set(), open: 0 });
    const key = portKey(socket.host, socket.protocol, socket.local.port);
    const known = byPort.get(key);
    if (known === undefined) byPort.set(key, [socket]);
    else known.push(socket);
  }
  for (const [sockets, used] of yield* countSharedUsage(view, byPort)) {
    for (const socket of sockets) {
      const own = usage.get(socket)!;
      own.open += used.open;
      for (const client of used.clients) own.clients.add(client);
    }
  }
  return usage;
}

/** Counts each connection once for all the listeners that share it, so that it costs the same however many they are. */
function* countSharedUsage(
  view: FleetView,
  byPort: ReadonlyMap<string, readonly ReportedSocket[]>,
): Steps<Map<readonly ReportedSocket[], ListenerUsage>> {
  const usage = new Map<readonly ReportedSocket[], ListenerUsage>();
  const accepting = new Map<string, Accepting>();
  yield* view.search({ filter: everything, realm: '', of: 'connection' }, (block) => {
    for (const connection of block) {
      const sockets = listenersOf(connection, byPort, accepting);
      const used = usage.get(sockets) ?? { clients: new Set(), open: 0 };
      usage.set(sockets, used);
      used.clients.add(connection.client.label);
      if (isOpenConnection(connection)) used.open += 1;
    }
  });
  return usage;
}

function portKey(host: ReportingHost, protocol: Protocol, port: number): string {
  return `${host.id}|${protocol}|${port}`;
}

/**
 * The listener that took the connection. Sockets that share one endpoint (SO_REUSEPORT) are told apart by the process
 * that has the accepted socket; where that does not decide, all of them count it.
 *
 * @param known what was found for other connections, by where they went
 */
function listenersOf(
  connection: ConnectionView,
  byPort: ReadonlyMap<string, readonly ReportedSocket[]>,
  known: Map<string, Accepting>,
): readonly ReportedSocket[] {
  const { server, protocol } = connection;
  if (server.host === null) return nobody.all;
  const port = portKey(server.host, protocol, server.endpoint.port);
  const key = `${port}|${serverNetns(connection) ?? ''}|${server.endpoint.ip}`;
  const accepting = known.get(key) ?? acceptingAt(connection, byPort.get(port) ?? []);
  known.set(key, accepting);
  const pid = server.owners[0]?.process.pid;
  return (pid === undefined ? undefined : accepting.byPid.get(pid)) ?? accepting.all;
}

function acceptingAt(connection: ConnectionView, listeners: readonly ReportedSocket[]): Accepting {
  const { server } = connection;
  const netns = serverNetns(connection);
  const candidates = listeners.filter(
    (listener) =>
      accepts(listener.local, server.endpoint) &&
      (netns === null ? isAt(listener, server.endpoint.ip) : listener.netns === netns),
  );
  const exact = candidates.filter((listener) => listener.local.ip === server.endpoint.ip);
  const all = exact.length > 0 ? exact : candidates;
  const byPid = new Map<number, ReportedSocket[]>();
  for (const listener of all) {
    for (const pid of new Set(listener.owners.map((owner) => owner.process.pid))) {
      const owned = byPid.get(pid);
      if (owned === undefined) byPid.set(pid, [listener]);
      else owned.push(listener);
    }
  }
  return { all, byPid };
}

/** The namespace that the server end is in: its own, or the client's on loopback; null when only the address tells. */
function serverNetns({ client, server }: ConnectionView): number | null {
  return server.netns ?? (isLoopback(server.endpoint.ip) ? client.netns : null);
}

function isAt(listener: ReportedSocket, ip: IpAddress): boolean {
  return listener.local.ip === ip || reportedAddresses(listener).includes(ip);
}

export function listenerDocument(
  listener: ListenerView,
  usage: ListenerUsage,
  sight: Sight,
): ListenerDocument {
  return {
    ...listenerEndDocument(listener, sight),
    protocol: listener.socket.protocol,
    clients: usage.clients.size,
    open: usage.open,
  };
}
