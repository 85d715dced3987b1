/** Where forwarders' records lead a lone end to: its other end, which nobody reports, is there. */
import type { Connection, Passage } from './connection.ts';
import type { ConnectionTable, Half } from './connection-table.ts';
import { compareBirths, type Flows } from './flows.ts';
import { clockSlackMs } from './generations.ts';
import type { ReportedSocket } from './report.ts';

/** Where the records and the connections are. */
interface Known {
  readonly table: ConnectionTable;
  readonly flows: Flows;
}

/** A lone end that a forwarder knows has its other end where the forwarder's record leads: none of a later conversation. */
export function seekWay({ connection, socket, standing }: Half, { table, flows }: Known): void {
  const { via } = connection;
  const ways = flows.waysFrom(standing, socket);
  if (via === null && ways.length === 0) return;
  // The way that it has may be one that is over and forgotten.
  const known = via !== null && isOfItsTime(via, socket) ? via : null;
  const found = ways.find(({ passage }) => isOfItsTime(passage, socket))?.passage ?? null;
  const isBetter = known === null || (found !== null && compareBirths(found, known, socket) < 0);
  if (!isBetter || found === via) return;
  leaveWay(connection, table);
  table.lead(connection, found);
  table.locateEnds(connection);
}

/** What a forwarder's record led to is no evidence of a connection that it does not lead to. */
export function leaveWay(connection: Connection, table: ConnectionTable): void {
  if (connection.via === null) return;
  table.lead(connection, null);
  connection.direction = 'unknown';
}

/** Whether none of the records that lead there began after the socket was over. */
function isOfItsTime({ by }: Passage, { closedAtMs }: ReportedSocket): boolean {
  return closedAtMs === null || by.every((flow) => flow.openedAtMs <= closedAtMs + clockSlackMs);
}
