/** What an answer may show. It is decided where a caller is let in, and told to whatever makes a document. */

export interface Sight {
  /** Command lines of processes; where they are left out, null stands in their place, as for what is unknown. */
  readonly cmdlines: boolean;
}

export const seesAll: Sight = { cmdlines: true };

/** Of whom nothing is known, too: who is not asked who they are sees no more than that. */
export const seesNoCmdlines: Sight = { cmdlines: false };
