/** Halves that are to be looked at anew because something elsewhere is known otherwise: a record, a claim, a scope. */
import type { IpAddress } from '../../model/ip.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { Flows } from './flows.ts';
import type { Gateways } from './gateways.ts';
import type { Joiner } from './joining.ts';
import type { Meeting } from './meetings.ts';
import type { Differences } from './portrait.ts';
import type { ReportedSocket, ReportingHost } from './report.ts';

export interface Seeking {
  readonly table: ConnectionTable;
  readonly flows: Flows;
  readonly joiner: Joiner;
  readonly gateways: Gateways;
}

/** The halves that the wire shows there may be led to their other end. */
export function seekAt({ table, joiner }: Seeking, meetings: readonly Meeting[], nowMs: number): void {
  for (const { key, side } of meetings) {
    const ends = table.at(key).filter(({ standing }) => standing.key === key && standing.side === side);
    for (const { socket } of ends) joiner.seek(socket, nowMs);
  }
}

/** Others claim these addresses now, or do not any more: that decides who may translate to them, and lead through them. */
export function claimedAnew(
  parts: Seeking,
  { realm }: ReportingHost,
  addresses: readonly IpAddress[],
  nowMs: number,
): void {
  const { table, flows, joiner, gateways } = parts;
  const led = addresses.flatMap((ip) => flows.claimedAnew(ip));
  for (const ip of addresses) {
    for (const socket of table.standingBy(ip)) joiner.refile(socket, nowMs);
    for (const connection of table.ledThrough(ip)) joiner.judgeWay(connection, nowMs);
    for (const connection of table.concerned.byMissingEnd(realm, ip)) gateways.note(connection);
    gateways.claimedAnew(ip);
  }
  seekAt(parts, led, nowMs);
}

/** Files anew what belongs to another scope since the host's realm, its networks or its addresses changed. */
export function moveToScopes(
  parts: Seeking,
  host: ReportingHost,
  { scope, letGoOf }: Differences,
  sockets: Iterable<ReportedSocket>,
  nowMs: number,
): void {
  const { flows, joiner } = parts;
  if (!scope) {
    if (letGoOf.size === 0) return;
    for (const socket of sockets) if (letGoOf.has(socket.local.ip)) joiner.refile(socket, nowMs);
    return;
  }
  for (const flow of flows.of(host)) {
    flows.remove(flow);
    seekAt(parts, flows.add(flow, nowMs), nowMs);
  }
  for (const socket of sockets) joiner.refile(socket, nowMs);
}
