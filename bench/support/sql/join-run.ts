/** What one engine took to correlate all halves from nothing, and to follow when some are replaced. */

export interface JoinRun {
  /** Milliseconds of CPU, user and system; loading the rows is left out. */
  readonly joinMs: number;
  /** Connections found. */
  readonly matched: number;
}

export interface TickRun extends JoinRun {
  /** The same when one connection in fifty has gone and as many are new: the old ones are taken out, the new ones matched. */
  readonly tickMs: number;
  /** Connections there are afterwards, beyond those that stay. */
  readonly tickMatched: number;
}

export interface DatabaseTickRun extends TickRun {
  /** As joinMs, where what is found is only counted. */
  readonly countMs: number;
}

/** Halves that are replaced in a tick. */
export function tickHalves(halfCount: number): number {
  return Math.round(halfCount / 100) * 2;
}

/** What sets the addresses of clients apart that come in one tick and leave in the next, from those that stay. */
export const tickClients = { going: 1 << 23, coming: 1 << 24 } as const;
