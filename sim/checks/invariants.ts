/** What must hold in every simulated state, in its own words, and how a breach of it is said. */

export const invariants = {
  I1: 'every socket that two scans showed and that is over is told once, or lies in a declared gap of its host',
  I2: 'nothing is shown that no scan has shown, and nobody with what is another’s',
  I3: 'what is told twice changes nothing: no socket is shown twice',
  I4: 'watermarks never go back, and what is durable was applied',
  I5: 'what was acknowledged as durable survives a crash at any step',
  I6: 'once faults are over, the copy of each host is its agent’s table',
  I7: 'gaps count what was lost, nothing else is called a gap, and answers tell of them',
  I8: 'nothing of a lower (epoch, session) takes effect after a higher one',
  I9: 'no host is live past its lease, and no row of one that is lost is open',
  I10: 'a snapshot takes effect as a whole: what is shown of a host is what its messages say, no more and no less',
  I11: 'both ends of a connection meet, whichever came first, and ends of two never do',
  I12: 'every table is within its bound',
  I13: 'once faults are over, what is opened can be asked for within 5 s',
  I14: 'steps of a wall clock change labels, and neither what is told nor when',
  I17: 'a socket that two scans show goes on between them, and one that two scans miss is over',
  none: 'no part of the program fails',
} as const;

export type Invariant = keyof typeof invariants;

/** It does not hold. */
export class Breach extends Error {
  override readonly name = 'Breach';
  readonly invariant: Invariant;

  /** @param found what is wrong, in one line */
  constructor(invariant: Invariant, found: string) {
    super(`${invariant}: ${found}`);
    this.invariant = invariant;
  }
}

/** Throws Breach unless `holds`. @param found asked for only then */
export function demand(holds: boolean, invariant: Invariant, found: () => string): void {
  if (!holds) throw new Breach(invariant, found());
}
