/**
 * The sockets that wait for peers, by namespace and port: the first rule of direction, and who stands behind a port.
 *
 * SO_REUSEPORT gives one address any number of listeners. One of them speaks for all, so that neither finding it nor
 * another one's coming and going costs more with their number.
 */
import type { Endpoint } from '../../model/endpoint.ts';
import { type IpAddress, isIpv6 } from '../../model/ip.ts';
import type { Process } from '../../model/process.ts';
import type { Protocol } from '../../model/socket-state.ts';
import type { ReportedSocket } from './report.ts';

/** One port of one protocol in one namespace of one host. */
export function portKey(hostId: string, netns: number, protocol: Protocol, port: number): string {
  return `${hostId}/${netns}/${protocol}/${port}`;
}

/** The listeners bound to one address and port. */
interface Group {
  readonly sockets: Set<ReportedSocket>;
  /** One that has an owner, if any has. */
  speaker: ReportedSocket;
  /** First owner of the speaker when it was looked at last: what the port is called by. */
  owner: Process | undefined;
}

export class Listeners {
  /** By portKey, then by bound address. */
  readonly #byPort = new Map<string, Map<IpAddress, Group>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /**
   * Adds a listener, or takes over what became different about it.
   * @returns whether that changes who speaks for its address.
   */
  add(socket: ReportedSocket): boolean {
    const key = keyOf(socket);
    const groups = this.#byPort.get(key) ?? new Map<IpAddress, Group>();
    this.#byPort.set(key, groups);
    const group = groups.get(socket.local.ip);
    if (group === undefined) {
      groups.set(socket.local.ip, { sockets: new Set([socket]), speaker: socket, owner: ownerOf(socket) });
      this.#size++;
      return true;
    }
    if (!group.sockets.has(socket)) this.#size++;
    group.sockets.add(socket);
    return chooseSpeaker(group, [socket]);
  }

  remove(socket: ReportedSocket): void {
    const key = keyOf(socket);
    const groups = this.#byPort.get(key);
    const group = groups?.get(socket.local.ip);
    if (groups === undefined || group?.sockets.delete(socket) !== true) return;
    this.#size--;
    const [first] = group.sockets;
    if (first === undefined) {
      groups.delete(socket.local.ip);
      if (groups.size === 0) this.#byPort.delete(key);
    } else if (group.speaker === socket) {
      group.speaker = first;
      chooseSpeaker(group, group.sockets);
    }
  }

  /**
   * The listener that takes what is sent to `endpoint` in that namespace: one bound to the very address before one
   * bound to all, one with an owner before one without; null when there is none.
   */
  find(hostId: string, netns: number, protocol: Protocol, endpoint: Endpoint): ReportedSocket | null {
    const groups = this.#byPort.get(portKey(hostId, netns, protocol, endpoint.port));
    if (groups === undefined) return null;
    const exact = groups.get(endpoint.ip);
    if (exact !== undefined) return exact.speaker;
    // `::` takes IPv4 too.
    const wildcards = isIpv6(endpoint.ip) ? [groups.get('::')] : [groups.get('0.0.0.0'), groups.get('::')];
    const speakers = wildcards.flatMap((group) => group?.speaker ?? []);
    return speakers.find((socket) => socket.owners.length > 0) ?? speakers[0] ?? null;
  }

  *all(): Iterable<ReportedSocket> {
    for (const groups of this.#byPort.values()) {
      for (const { sockets } of groups.values()) yield* sockets;
    }
  }
}

/** Lets the first of `candidates` with an owner speak where the speaker has none. @returns whether anything changed. */
function chooseSpeaker(group: Group, candidates: Iterable<ReportedSocket>): boolean {
  const { speaker, owner } = group;
  if (speaker.owners.length === 0) {
    for (const socket of candidates) {
      if (socket.owners.length === 0) continue;
      group.speaker = socket;
      break;
    }
  }
  group.owner = ownerOf(group.speaker);
  return group.speaker !== speaker || group.owner !== owner;
}

function ownerOf(socket: ReportedSocket): Process | undefined {
  return socket.owners[0]?.process;
}

function keyOf(socket: ReportedSocket): string {
  return portKey(socket.host.id, socket.netns, socket.protocol, socket.local.port);
}
