/** What correlation is kept within. */
import { defaultLingerLimits, type LingerLimits } from '../history/recently-closed.ts';

export interface CorrelatorLimits extends LingerLimits {
  /** How long a lone half waits for its other end before it is placed alone. */
  readonly graceMs: number;
  /** Connections that are kept in the core at most; what is more is kept as objects. */
  readonly plainMax: number;
}

export const defaultCorrelatorLimits: CorrelatorLimits = {
  graceMs: 3_000,
  plainMax: 1 << 22,
  ...defaultLingerLimits,
};
