/** The sockets that wait for peers, by namespace and port: the first rule of direction, and who stands behind a port. */
import { accepts, type Endpoint } from '../../model/endpoint.ts';
import type { Protocol } from '../../model/socket-state.ts';
import type { ReportedSocket } from './report.ts';

/** One port of one protocol in one namespace of one host. */
export function portKey(hostId: string, netns: number, protocol: Protocol, port: number): string {
  return `${hostId}/${netns}/${protocol}/${port}`;
}

export class Listeners {
  readonly #byPort = new Map<string, Set<ReportedSocket>>();

  add(socket: ReportedSocket): void {
    const key = keyOf(socket);
    const sockets = this.#byPort.get(key);
    if (sockets === undefined) this.#byPort.set(key, new Set([socket]));
    else sockets.add(socket);
  }

  remove(socket: ReportedSocket): void {
    const key = keyOf(socket);
    const sockets = this.#byPort.get(key);
    if (sockets?.delete(socket) === true && sockets.size === 0) this.#byPort.delete(key);
  }

  /**
   * The listener that takes what is sent to `endpoint` in that namespace: one bound to the very address before one
   * bound to all, one with an owner before one without; null when there is none.
   */
  find(hostId: string, netns: number, protocol: Protocol, endpoint: Endpoint): ReportedSocket | null {
    let best: ReportedSocket | null = null;
    let bestRank = 0;
    for (const socket of this.#byPort.get(portKey(hostId, netns, protocol, endpoint.port)) ?? []) {
      if (!accepts(socket.local, endpoint)) continue;
      const rank = 1 + (socket.local.ip === endpoint.ip ? 2 : 0) + (socket.owners.length > 0 ? 1 : 0);
      if (rank > bestRank) [best, bestRank] = [socket, rank];
    }
    return best;
  }

  *all(): Iterable<ReportedSocket> {
    for (const sockets of this.#byPort.values()) yield* sockets;
  }
}

function keyOf(socket: ReportedSocket): string {
  return portKey(socket.host.id, socket.netns, socket.protocol, socket.local.port);
}
