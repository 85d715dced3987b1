/** What the kernels of both ends counted, as one account of a connection. */
import type { SocketCounters } from '../../model/socket-counters.ts';
import { type Connection, otherSide } from './connection.ts';

/** null = nobody counted it. */
export interface Traffic {
  readonly bytesToServer: number | null;
  readonly bytesToClient: number | null;
  readonly rttUs: number | null;
  readonly retransmits: number | null;
}

/**
 * Bytes that one end received and bytes that the other saw acknowledged are the same bytes, told at different times: the
 * higher count is the later one. Who dials has its SYN acknowledged as if it were a byte. Round trips are the client's,
 * where it measured any; segments sent again are both ends'.
 */
export function trafficOf(connection: Connection): Traffic {
  const client = connection.halves[connection.client]?.counters ?? null;
  const server = connection.halves[otherSide(connection.client)]?.counters ?? null;
  return trafficBetween(client, server);
}

export function trafficBetween(client: SocketCounters | null, server: SocketCounters | null): Traffic {
  return {
    bytesToServer: highest(withoutSyn(client), server?.bytesReceived),
    bytesToClient: highest(server?.bytesSent, client?.bytesReceived),
    rttUs: measured(client) ?? measured(server),
    retransmits: client === null && server === null ? null : retransmits(client) + retransmits(server),
  };
}

function highest(a: number | undefined, b: number | undefined): number | null {
  return a === undefined && b === undefined ? null : Math.max(a ?? 0, b ?? 0);
}

function withoutSyn(client: SocketCounters | null): number | undefined {
  return client === null ? undefined : Math.max(0, client.bytesSent - 1);
}

function measured(counters: SocketCounters | null): number | null {
  return counters === null || counters.rttUs === 0 ? null : counters.rttUs;
}

function retransmits(counters: SocketCounters | null): number {
  return counters?.retransmits ?? 0;
}
