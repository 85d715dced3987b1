/**
 * A connection of the core as answers read it, straight from its row and the columns beside it.
 *
 * Most questions look at a few fields of very many connections. So each field is read when it is asked for, and nothing is made
 * but the view. It shows what the connection would show as an object: both its ends are owned, and nothing between them is
 * translated. It is good for as long as nothing else has a turn, since the row may be another connection's later.
 */
import type { DirectionRule, Seen } from '../../model/document.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import type { IpAddress } from '../../model/ip.ts';
import type { Owner } from '../../model/process.ts';
import type { Protocol, SocketState } from '../../model/socket-state.ts';
import { facts, factsWord, rowShift, ruleMask, ruleShift } from '../core/connection-row.ts';
import { liveliestState } from '../correlate/connection.ts';
import { ruleNames } from '../correlate/plain-reading.ts';
import type { PlainRows } from '../correlate/plain-rows.ts';
import type { ReportedSocket, ReportingHost } from '../correlate/report.ts';
import { doubleOf } from '../correlate/socket-columns.ts';
import { type Traffic, trafficBetween } from '../correlate/traffic.ts';
import type { ConnectionEnd, ConnectionView } from '../serve/fleet-view.ts';
import type { ServiceNames } from './service-names.ts';

export interface PlainReading {
  readonly rows: PlainRows;
  readonly services: ServiceNames;
  /** Texts of addresses by their words, for as long as one step: most stand in many rows. */
  readonly texts: Map<number, IpAddress>;
}

class PlainEnd implements ConnectionEnd {
  readonly seenAs = null;
  /** row << 1 | end */
  readonly #half: number;
  readonly #reading: PlainReading;

  constructor(reading: PlainReading, half: number) {
    this.#reading = reading;
    this.#half = half;
  }

  get endpoint(): Endpoint {
    const { rows, texts } = this.#reading;
    const first = (this.#half >> 1) << rowShift;
    const end = this.#half & 1;
    const word = rows.words[first + end]!;
    const ip = texts.get(word) ?? rows.sockets.ipOf(word);
    texts.set(word, ip);
    return { ip, port: (rows.words[first + 2]! >>> (end === 0 ? 16 : 0)) & 0xffff };
  }

  get realm(): string {
    return this.#reading.rows.realmOf(this.#half >> 1) ?? this.host.realm;
  }

  get socket(): ReportedSocket {
    return this.#reading.rows.socketOf(this.#half)!;
  }

  get host(): ReportingHost {
    return this.#reading.rows.hostOf(this.#half)!;
  }

  get netns(): number {
    const { rows } = this.#reading;
    return rows.hosts.netnsOfHolder(rows.holderOf(this.#half)).inode;
  }

  get owners(): readonly Owner[] {
    return this.#reading.rows.sockets.ownersOf(this.#half);
  }

  get service(): string | null {
    return this.#reading.services.of(this);
  }

  get label(): string {
    const { rows } = this.#reading;
    return rows.hosts.labelOfHolder(rows.holderOf(this.#half));
  }
}

export class PlainView implements ConnectionView {
  readonly seen: Seen = 'both';
  readonly unseenBecause = null;
  readonly protocol: Protocol = 'tcp';
  readonly client: ConnectionEnd;
  readonly server: ConnectionEnd;
  readonly row: number;
  readonly #reading: PlainReading;

  /** @param row of a connection whose place is decided */
  constructor(reading: PlainReading, row: number) {
    const clientEnd = (reading.rows.words[(row << rowShift) + factsWord]! & facts.clientIsB) === 0 ? 0 : 1;
    this.#reading = reading;
    this.row = row;
    this.client = new PlainEnd(reading, (row << 1) | clientEnd);
    this.server = new PlainEnd(reading, (row << 1) | (clientEnd ^ 1));
  }

  get number(): number {
    return this.#reading.rows.numberOf(this.row);
  }

  get id(): string {
    return this.#reading.rows.formatId(this.number);
  }

  get state(): SocketState {
    const { sockets } = this.#reading.rows;
    const halves = [this.row << 1, (this.row << 1) | 1];
    const open = halves.filter((half) => Number.isNaN(sockets.columns.double(half, doubleOf.closed)));
    return liveliestState(open.map((half) => sockets.stateOf(half)));
  }

  get direction(): DirectionRule {
    const known = this.#reading.rows.words[(this.row << rowShift) + factsWord]!;
    return ruleNames[(known & ruleMask) >>> ruleShift]!;
  }

  get openedAtMs(): number {
    return this.#reading.rows.openedAtMs(this.row);
  }

  get closedAtMs(): number | null {
    return this.#reading.rows.closedAtMs(this.row);
  }

  get lastSeenAtMs(): number {
    return this.#reading.rows.lastSeenAtMs(this.row);
  }

  get traffic(): Traffic {
    const { rows } = this.#reading;
    const known = rows.words[(this.row << rowShift) + factsWord]!;
    const client = (this.row << 1) | ((known & facts.clientIsB) === 0 ? 0 : 1);
    return trafficBetween(rows.sockets.countersOf(client), rows.sockets.countersOf(client ^ 1));
  }

  get joinedBy(): 'same-host' | 'wire' {
    return this.client.host === this.server.host ? 'same-host' : 'wire';
  }
}
