/** What the thread that asks and the one that looks at rows say to each other. */
import type { SievedWords } from './row-sieve.ts';
import type { SievePlan } from './sieve-plan.ts';

/** What the worker is given when it begins. */
export type SieveWorkerData = SievedWords;

/** Questions have numbers of the asker's. */
export type ToSieve =
  | { readonly kind: 'begin'; readonly question: number; readonly plan: SievePlan }
  /** Wants the next block of rows below `from`. */
  | { readonly kind: 'look'; readonly question: number; readonly from: number }
  | { readonly kind: 'end'; readonly question: number };

export type FromSieve =
  | { readonly kind: 'ready' }
  /** All rows in [to, from) that may be selected, the highest first. */
  | {
      readonly kind: 'found';
      readonly question: number;
      readonly to: number;
      readonly rows: Int32Array<ArrayBuffer>;
    };
