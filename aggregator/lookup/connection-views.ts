/** Connections as answers read them: made on demand, so that what is not asked costs nothing. */
import type { Side } from '../../model/four-tuple.ts';
import type { IpAddress } from '../../model/ip.ts';
import {
  type Connection,
  lastSeenAtMs,
  otherSide,
  seenOf,
  stateOfConnection,
} from '../correlate/connection.ts';
import type { Correlator } from '../correlate/correlator.ts';
import { listenerBehind } from '../correlate/listener-behind.ts';
import type { ReportingHost } from '../correlate/report.ts';
import { seenAs } from '../correlate/seen-as.ts';
import { trafficOf } from '../correlate/traffic.ts';
import type { EdgeShare } from '../graph/edges.ts';
import type { Naming } from '../graph/naming.ts';
import type { ConnectionEnd, ConnectionView, SeenAs } from '../serve/fleet-view.ts';
import type { ServiceNames } from './service-names.ts';

export interface ViewParts {
  readonly correlator: Correlator;
  readonly naming: Naming;
  readonly services: ServiceNames;
  /** What a connection counts as in its edge, if it does. */
  readonly shareOf: (connection: Connection) => EdgeShare | undefined;
  /** Unix milliseconds; asked when a view is made. */
  readonly clock: () => number;
}

export class ConnectionViews {
  readonly #parts: ViewParts;

  constructor(parts: ViewParts) {
    this.#parts = parts;
  }

  of(connection: Connection): ConnectionView {
    const { correlator, clock } = this.#parts;
    const share = this.#parts.shareOf(connection);
    return {
      id: connection.id,
      number: correlator.connections.numberOf(connection),
      protocol: connection.protocol,
      state: stateOfConnection(connection),
      seen: seenOf(connection),
      unseenBecause: correlator.quality.unseenBecause(connection, clock()),
      direction: connection.direction,
      client: this.endOf(connection, connection.client, share?.client),
      server: this.endOf(connection, otherSide(connection.client), share?.server),
      openedAtMs: connection.openedAtMs,
      closedAtMs: connection.closedAtMs,
      lastSeenAtMs: lastSeenAtMs(connection),
      traffic: trafficOf(connection),
      joinedBy: connection.joinedBy,
    };
  }

  /** @param counted the name under which the end counts in its edge; it outlives the host that gave it. */
  endOf(connection: Connection, side: Side, counted?: string): ConnectionEnd {
    const { correlator, naming, services } = this.#parts;
    const endpoint = connection.endpoints[side];
    const socket = connection.halves[side] ?? connection.datagramPeer;
    const host = socket?.host ?? this.#claimant(connection, side, endpoint.ip);
    const ownedBy = socket !== null && socket.owners.length > 0 ? socket : null;
    const named =
      ownedBy ?? (side === connection.client ? null : listenerBehind(connection, side, correlator));
    const service =
      (named === null ? null : services.of(named)) ??
      (socket === null ? naming.addressName(endpoint.ip) : null);
    return {
      endpoint,
      realm: connection.realm,
      socket,
      host,
      netns: socket?.netns ?? null,
      owners: (ownedBy ?? (socket === null ? null : named))?.owners ?? [],
      service,
      label: counted ?? service ?? host?.name ?? endpoint.ip,
      seenAs: this.#seenAs(connection, side),
    };
  }

  #seenAs(connection: Connection, side: Side): SeenAs | null {
    const endpoint = seenAs(connection, side);
    return endpoint === null ? null : { endpoint, host: this.#claimant(connection, side, endpoint.ip) };
  }

  /** The only host that claims an address of the end on `side`, as seen from the other. */
  #claimant(connection: Connection, side: Side, ip: IpAddress): ReportingHost | null {
    const viewer = connection.halves[otherSide(side)] ?? connection.halves[side];
    if (viewer === null) return null;
    const claims = this.#parts.correlator.claims.of(viewer.host, viewer.netns, ip);
    const hosts = new Set(claims.map((claim) => claim.host));
    return hosts.size === 1 ? (claims[0]?.host ?? null) : null;
  }
}
