/** The connections that a half may belong to: those filed under its keys, and those that a forwarder's record leads to. */
import type { Side } from '../../model/four-tuple.ts';
import { type Connection, otherSide, type Passage } from './connection.ts';
import type { ConnectionTable } from './connection-table.ts';
import type { Flows } from './flows.ts';
import type { Candidate } from './generations.ts';
import { everyMeeting, type Meeting, type Standing, sideAt } from './meetings.ts';
import type { ReportedSocket } from './report.ts';

const none: readonly Candidate[] = [];

/** @param except the connection that it is a half of now. */
export function candidatesFor(
  socket: ReportedSocket,
  standing: Standing,
  { table, flows }: { readonly table: ConnectionTable; readonly flows: Flows },
  except: Connection | null = null,
): readonly Candidate[] {
  const ways = flows.waysFrom(standing, socket);
  if (ways.length === 0 && standing.inner.length === 0 && table.at(standing.key).length === 0) return none;
  const found = new Map<Connection, Candidate & { isOpposite: boolean }>();
  const add = ({ key, side }: Meeting, via: Passage | null): void => {
    for (const half of table.at(key)) {
      const { connection } = half;
      if (connection === except) continue;
      const isOpposite = sideAt(half.standing, key) !== side;
      const taken: Side = isOpposite ? otherSide(half.side) : half.side;
      const known = found.get(connection);
      if (known === undefined) found.set(connection, { connection, side: taken, isOpposite, via });
      else if (isOpposite && known.side === taken && known.via === via) known.isOpposite = true;
    }
  };
  for (const meeting of everyMeeting(standing)) add(meeting, null);
  // The far half stands at the end of a way, so that this one would be opposite to it.
  for (const { meeting, passage } of ways) {
    add({ key: meeting.key, side: otherSide(meeting.side) }, passage);
  }
  return [...found.values()];
}
