/**
 * Finds the connections that something elsewhere concerns: a listener that opens on a port, an address that a host
 * claims. Each question costs what its answer holds, however many connections there are.
 */
import { type IpAddress, isUnspecified } from '../../model/ip.ts';
import { type Connection, missingSide } from './connection.ts';
import { portKey } from './listeners.ts';
import type { ReportedSocket } from './report.ts';

export class ConcernedConnections {
  /** By the port of each end that is reported. */
  readonly #byPort = new Map<string, Set<Connection>>();
  /** By the realm and address of the missing end, then by its port. */
  readonly #byMissingEnd = new Map<string, Map<number, Set<Connection>>>();

  get size(): number {
    return this.#byPort.size + this.#byMissingEnd.size;
  }

  /** `socket` is a half of `connection`. */
  fileHalf(connection: Connection, socket: ReportedSocket): void {
    addTo(this.#byPort, portKeyOf(socket), connection);
  }

  unfileHalf(connection: Connection, socket: ReportedSocket): void {
    removeFrom(this.#byPort, portKeyOf(socket), connection);
  }

  /** Files the end that a connection misses, if it does, where it is. To be taken back before either changes. */
  fileMissingEnd(connection: Connection): void {
    const missing = missingSide(connection);
    if (missing === null) return;
    const { ip, port } = connection.endpoints[missing];
    const key = missingEndKey(connection.realm, ip);
    const ports = this.#byMissingEnd.get(key) ?? new Map<number, Set<Connection>>();
    this.#byMissingEnd.set(key, ports);
    addTo(ports, port, connection);
  }

  /** The reverse of fileMissingEnd. */
  unfileMissingEnd(connection: Connection): void {
    const missing = missingSide(connection);
    if (missing === null) return;
    const { ip, port } = connection.endpoints[missing];
    const key = missingEndKey(connection.realm, ip);
    const ports = this.#byMissingEnd.get(key);
    if (ports === undefined) return;
    removeFrom(ports, port, connection);
    if (ports.size === 0) this.#byMissingEnd.delete(key);
  }

  /** Those with a half on the listener's port, and those with a missing end at its address and port. */
  byListener(listener: ReportedSocket): Set<Connection> {
    const { host, netns, local } = listener;
    const addresses = isUnspecified(local.ip)
      ? (host.netns.get(netns)?.addresses ?? []).map((address) => address.ip)
      : [local.ip];
    const connections = new Set(this.#byPort.get(portKeyOf(listener)));
    for (const ip of addresses) {
      const ports = this.#byMissingEnd.get(missingEndKey(host.realm, ip));
      for (const connection of ports?.get(local.port) ?? []) connections.add(connection);
    }
    return connections;
  }

  /** Those with a missing end at `ip`. */
  byMissingEnd(realm: string, ip: IpAddress): Connection[] {
    const ports = this.#byMissingEnd.get(missingEndKey(realm, ip))?.values() ?? [];
    return Array.from(ports, (connections) => [...connections]).flat();
  }
}

function portKeyOf(socket: ReportedSocket): string {
  return portKey(socket.host.id, socket.netns, socket.protocol, socket.local.port);
}

function missingEndKey(realm: string, ip: IpAddress): string {
  return `${realm}|${ip}`;
}

/** Adds to the set at `key`, which comes into being with its first value. */
export function addTo<Key, Value>(index: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const values = index.get(key);
  if (values === undefined) index.set(key, new Set([value]));
  else values.add(value);
}

/** Removes from the set at `key`, which goes with its last value. */
export function removeFrom<Key, Value>(index: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const values = index.get(key);
  if (values?.delete(value) === true && values.size === 0) index.delete(key);
}
