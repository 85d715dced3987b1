/**
 * The connections of the live view and the halves that they are made of, filed under every key at which a half can meet
 * its other end. Plain state: it decides nothing.
 */
import { sameEndpoint } from '../../model/endpoint.ts';
import type { Side } from '../../model/four-tuple.ts';
import type { IpAddress } from '../../model/ip.ts';
import { addTo, ConcernedConnections, removeFrom } from './concerned.ts';
import { type Connection, locateEnds, otherSide, type Passage, reportedHalves } from './connection.ts';
import type { ConnectionIds } from './connection-ids.ts';
import type { KeyHolder } from './key-holder.ts';
import { everyMeeting, plainStanding, type Standing } from './meetings.ts';
import { placedAddresses } from './passing-on.ts';
import type { ReportedSocket } from './report.ts';
import { StandingIndex } from './standing-index.ts';

/**
 * How many connections are remembered under one key: the generations of a four-tuple, mostly. Beyond it the oldest that
 * is closed goes, and where none is closed the newest is not filed there. A four-tuple that is reused faster than it
 * lingers must not make each reuse dearer than the one before.
 */
export const generationsMax = 64;

/** A reported socket as one half of a connection. */
export interface Half {
  readonly socket: ReportedSocket;
  readonly connection: Connection;
  /** A socket connected to itself is both; it is filed as `a`. */
  readonly side: Side;
  /** Where it is filed. */
  readonly standing: Standing;
}

interface FiledHalf extends Half {
  /** Of its keys. */
  readonly stubs: readonly number[];
}

export class ConnectionTable {
  readonly connections = new Map<string, Connection>();
  readonly concerned = new ConcernedConnections();
  readonly #keys: KeyHolder;
  readonly #halves = new Map<ReportedSocket, FiledHalf>();
  /** By the key of a meeting, in the order of filing. */
  readonly #filed = new Map<string, Half[]>();
  readonly #standing = new StandingIndex();
  /** Those with a way, by the addresses that are put in place of others on it. */
  readonly #led = new Map<IpAddress, Set<Connection>>();
  /** Halves that were not filed under a key because too many open connections were. */
  unfiled = 0;

  constructor(keys: KeyHolder) {
    this.#keys = keys;
  }

  get sizes(): Readonly<Record<string, number>> {
    return {
      connections: this.connections.size,
      keys: this.#filed.size,
      halves: this.#halves.size,
      concerned: this.concerned.size,
      standing: this.#standing.size,
      led: this.#led.size,
    };
  }

  /** With their numbers, in the order in which they were begun. */
  inOrder(ids: ConnectionIds): (readonly [number: number, connection: Connection])[] {
    const numbered = Array.from(
      this.connections.values(),
      (connection) => [ids.parse(connection.id), connection] as const,
    );
    return numbered.sort(([a], [b]) => a - b);
  }

  halfOf(socket: ReportedSocket): Half | undefined {
    return this.#halves.get(socket);
  }

  connectionOf(socket: ReportedSocket): Connection | undefined {
    return this.#halves.get(socket)?.connection;
  }

  /** The halves filed under `key`. */
  at(key: string): readonly Half[] {
    return this.#filed.get(key) ?? [];
  }

  /** Halves that stand where they do because of who claims that address. */
  standingBy(ip: IpAddress): readonly ReportedSocket[] {
    return this.#standing.at(ip);
  }

  /** Connections with a way on which that address is put in place of another. */
  ledThrough(ip: IpAddress): readonly Connection[] {
    return [...(this.#led.get(ip) ?? [])];
  }

  /** Makes `socket` a half of `connection`. @returns the connections that have to make room for it */
  attach(
    connection: Connection,
    side: Side,
    socket: ReportedSocket,
    standing: Standing,
  ): readonly Connection[] {
    this.#change(connection, () => {
      connection.halves[side] = socket;
      // Its own peer, unless it is translated to be another's.
      if (sameEndpoint(socket.local, socket.remote)) connection.halves[otherSide(side)] ??= socket;
      locateEnds(connection);
    });
    this.concerned.fileHalf(connection, socket);
    return this.#file({ socket, connection, side, standing });
  }

  /** The same for a half that was in the core, where it stood in that scope. */
  adopt(connection: Connection, socket: ReportedSocket, scope: string): void {
    const standing = plainStanding(socket, scope);
    this.connections.set(connection.id, connection);
    this.attach(connection, standing.side, socket, standing);
  }

  /** Takes a half out. Where its end was stays known, as long as nothing else tells it. */
  detach({ socket, connection, side, standing }: Half): void {
    this.#unfile(socket, standing);
    this.concerned.unfileHalf(connection, socket);
    this.#change(connection, () => {
      connection.halves[side] = null;
      if (connection.halves[otherSide(side)] === socket) connection.halves[otherSide(side)] = null;
    });
  }

  /** Files a half elsewhere, in the realm in which its host is now. @returns as attach */
  refile(half: Half, standing: Standing): readonly Connection[] {
    const { connection, socket } = half;
    this.#unfile(socket, half.standing);
    this.#change(connection, () => {
      connection.realm = socket.host.realm;
      locateEnds(connection);
    });
    return this.#file({ ...half, standing });
  }

  /** The connection and its halves are gone. */
  remove(connection: Connection): void {
    this.concerned.unfileMissingEnd(connection);
    for (const socket of new Set(reportedHalves(connection))) {
      this.#unfile(socket, this.#halves.get(socket)!.standing);
      this.concerned.unfileHalf(connection, socket);
    }
    this.lead(connection, null);
    this.connections.delete(connection.id);
  }

  /** Finds out anew where the ends of a connection are. */
  locateEnds(connection: Connection): void {
    this.#change(connection, () => locateEnds(connection));
  }

  /** From now on its ends are known, or not, to be led to each other; the ends are to be located anew. */
  lead(connection: Connection, via: Passage | null): void {
    if (connection.via === via) return;
    for (const ip of placedOn(connection.via)) removeFrom(this.#led, ip, connection);
    connection.via = via;
    for (const ip of placedOn(via)) addTo(this.#led, ip, connection);
  }

  /** Changes which end of a connection is missing, or where that is. */
  #change(connection: Connection, change: () => void): void {
    this.concerned.unfileMissingEnd(connection);
    change();
    this.concerned.fileMissingEnd(connection);
  }

  /** @returns the connections that have to make room: the oldest closed one under each key that has too many */
  #file({ socket, connection, side, standing }: Half): readonly Connection[] {
    const surplus: Connection[] = [];
    const stubs = everyMeeting(standing).map((meeting) => this.#keys.retain(meeting));
    const half = { socket, connection, side, standing, stubs };
    this.#halves.set(socket, half);
    this.#standing.file(socket, standing.claimed);
    for (const { key } of everyMeeting(half.standing)) {
      const halves = this.#filed.get(key);
      if (halves === undefined) {
        this.#filed.set(key, [half]);
        continue;
      }
      const crowd = crowdOf(halves);
      if (crowd !== null && !crowd.has(half.connection)) {
        const oldest = [...crowd].find(({ closedAtMs }) => closedAtMs !== null);
        if (oldest === undefined) {
          this.unfiled++;
          continue;
        }
        surplus.push(oldest);
      }
      // Not push, which leaves room for more: most lists stay at two.
      this.#filed.set(key, halves.concat(half));
    }
    return surplus;
  }

  #unfile(socket: ReportedSocket, standing: Standing): void {
    const stubs = this.#halves.get(socket)?.stubs ?? [];
    this.#halves.delete(socket);
    this.#standing.unfile(socket);
    for (const { key } of everyMeeting(standing)) {
      const left = this.at(key).filter((half) => half.socket !== socket);
      if (left.length === 0) this.#filed.delete(key);
      else this.#filed.set(key, left);
    }
    for (const stub of stubs) this.#keys.release(stub);
  }
}

function placedOn(via: Passage | null): readonly IpAddress[] {
  return via === null ? [] : via.by.flatMap(placedAddresses);
}

/** The connections of halves under one key, where there are as many as may be; null where there are fewer. */
function crowdOf(halves: readonly Half[]): ReadonlySet<Connection> | null {
  if (halves.length < generationsMax) return null;
  const connections = new Set(halves.map(({ connection }) => connection));
  return connections.size < generationsMax ? null : connections;
}
