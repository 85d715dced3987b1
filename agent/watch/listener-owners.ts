/** Who accepts connections at an endpoint, as far as one process alone does: whoever took a connection there, was it. */
import { accepts, type Endpoint } from '../../model/endpoint.ts';
import { type Owner, type Process, processKey } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketWatch } from './socket-watch.ts';

/** The local end of a connection. */
interface End {
  readonly netns: number;
  readonly local: Endpoint;
}

const nobody: readonly Owner[] = [];

export class ListenerOwners {
  /** By namespace and port; null = to be made from the sockets that are watched. */
  #listeners: Map<string, OwnedSocket[]> | null = null;

  /** To be called when the watch may have learned of others. */
  forget(): void {
    this.#listeners = null;
  }

  /** The only process that listens there, without the fd that it had the connection under; else nobody. */
  of(end: End, watch: SocketWatch): readonly Owner[] {
    const [only, ...others] = this.#processesAt(end, watch);
    return only === undefined || others.length > 0 ? nobody : [{ process: only, fds: [] }];
  }

  /** Whether several processes listen there, as those of a server that forks do: any of them may accept. */
  isShared(end: End, watch: SocketWatch): boolean {
    return this.#processesAt(end, watch).length > 1;
  }

  #processesAt({ netns, local }: End, watch: SocketWatch): readonly Process[] {
    this.#listeners ??= listenersOf(watch);
    const there = this.#listeners.get(placeOf(netns, local.port)) ?? [];
    // Who listens at the very address takes precedence over who listens at all of them.
    const exact = there.filter((listener) => listener.local.ip === local.ip);
    const listeners = exact.length > 0 ? exact : there.filter((listener) => accepts(listener.local, local));
    const processes = new Map(
      listeners.flatMap(({ owners }) => owners.map(({ process }) => [processKey(process), process] as const)),
    );
    return [...processes.values()];
  }
}

function listenersOf(watch: SocketWatch): Map<string, OwnedSocket[]> {
  const listeners = new Map<string, OwnedSocket[]>();
  for (const { socket } of watch.watched()) {
    if (socket.state !== 'listen') continue;
    const place = placeOf(socket.netns, socket.local.port);
    const there = listeners.get(place);
    if (there === undefined) listeners.set(place, [socket]);
    else there.push(socket);
  }
  return listeners;
}

function placeOf(netns: number, port: number): string {
  return `${netns}|${port}`;
}
