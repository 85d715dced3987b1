/** What one engine took to correlate all halves from nothing, and to follow when some are replaced. */
import { halfStream, type Stream, someOf } from '../half-stream.ts';

/** Milliseconds of CPU, user and system. */
export interface JoinRun {
  /** Until all rows are in memory of the engine's own, from outside; 0 where that is part of the join. */
  readonly loadMs: number;
  readonly joinMs: number;
  /** Connections found. */
  readonly matched: number;
}

export interface TickRun extends JoinRun {
  /** One connection in fifty has gone and as many are new: the old ones are taken out, the new ones taken in and matched. */
  readonly tickMs: number;
  /** Connections there are afterwards. */
  readonly tickMatched: number;
}

export interface DatabaseTickRun extends TickRun {
  /** As joinMs, where what is found is only counted. */
  readonly countMs: number;
  /** As tickMs, where all connections are found anew. */
  readonly anewMs: number;
}

/** Of as many connections one goes in a tick and another one comes, anywhere among the others and with slots like theirs. */
const replacedOf = 50;

export interface TickStreams {
  /** All halves that are there at first. */
  readonly standing: Stream;
  readonly going: Stream;
  readonly coming: Stream;
}

/** @param halfCount of those that stand: a multiple of 100 */
export function tickStreams(halfCount: number): TickStreams {
  const all = halfStream((halfCount / replacedOf) * (replacedOf + 1));
  const turnOf = (connection: number): number => connection % (replacedOf + 1);
  return {
    standing: someOf(all, (connection) => turnOf(connection) !== 0),
    going: someOf(all, (connection) => turnOf(connection) === 1),
    coming: someOf(all, (connection) => turnOf(connection) === 0),
  };
}
