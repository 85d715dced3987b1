/** The connections that a half may belong to: those filed under its keys, and those that a forwarder's record leads to. */
import { type Connection, otherSide, type Passage } from './connection.ts';
import type { ConnectionTable, Half } from './connection-table.ts';
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
  if (ways.length === 0 && standing.inner.length === 0) {
    // Most halves have one key, and find there nobody or their peer alone.
    const halves = table.at(standing.key);
    const [half] = halves;
    if (half === undefined) return none;
    if (halves.length === 1) return half.connection === except ? none : [candidateAt(half, standing, null)];
  }
  const direct = new Map<Connection, Candidate>();
  const led = new Map<Connection, Candidate>();
  const add = (found: Map<Connection, Candidate>, meeting: Meeting, via: Passage | null): void => {
    for (const half of table.at(meeting.key)) {
      if (half.connection === except) continue;
      const candidate = candidateAt(half, meeting, via);
      const known = found.get(half.connection);
      // What mirrors the new half says more than what only stands where it does.
      const isBetter =
        known?.via === via && known.side === candidate.side && !known.isOpposite && candidate.isOpposite;
      if (known === undefined || isBetter) found.set(half.connection, candidate);
    }
  };
  for (const meeting of everyMeeting(standing)) add(direct, meeting, null);
  // The far half stands at the end of a way, so that this one would be opposite to it.
  for (const { meeting, passage } of ways) {
    add(led, { ...meeting, side: otherSide(meeting.side) }, passage);
  }
  // One in which another half stands where the new one does is both: that half may have been led there in its place.
  const farther = [...led.values()].filter(({ connection }) => direct.get(connection)?.isOpposite !== true);
  return [...direct.values(), ...farther];
}

function candidateAt(half: Half, { key, side }: Meeting, via: Passage | null): Candidate {
  const isOpposite = sideAt(half.standing, key) !== side;
  return {
    connection: half.connection,
    side: isOpposite ? otherSide(half.side) : half.side,
    isOpposite,
    via,
  };
}
