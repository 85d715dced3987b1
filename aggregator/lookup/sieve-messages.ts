/** What the thread that asks and the one that looks at rows say to each other. */
import type { SievedWords } from './row-sieve.ts';
import type { SievePlan } from './sieve-plan.ts';

/** To be changed with what stands below or in sieve-plan.ts. */
export const sieveProtocol = 1;

/** What the worker is given when it begins. */
export type SieveWorkerData = SievedWords;

/** Questions have numbers of the asker's. Each of the first two wants the next block of rows below `from`. */
export type ToSieve =
  | { readonly kind: 'begin'; readonly question: number; readonly from: number; readonly plan: SievePlan }
  | { readonly kind: 'go on'; readonly question: number; readonly from: number }
  /** Nobody wants more, though there is. */
  | { readonly kind: 'end'; readonly question: number };

export type FromSieve =
  /** `protocol` is the sieveProtocol of its program, which may have been replaced since the process began */
  | { readonly kind: 'ready'; readonly protocol: number }
  /** All rows in [to, from) that may be selected, the highest first. */
  | {
      readonly kind: 'found';
      readonly question: number;
      readonly to: number;
      readonly rows: Int32Array<ArrayBuffer>;
    };
