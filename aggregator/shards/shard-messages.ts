/** What the thread that knows agents and the shards say to each other. */

import type { Holder } from '../core/holders.ts';
import type { EdgeSum } from './edge-sums.ts';

export interface ShardOptions {
  /** Of this shard alone. */
  readonly rowsMax: number;
  readonly graceTicks: number;
  readonly lingerTicks: number;
  /** Slots of an agent are below this. */
  readonly slotsMax: number;
  readonly holdersMax: number;
  /** Bound addresses and ports. */
  readonly listeningMax: number;
  /** Edges with a number. */
  readonly edgesMax: number;
  readonly seed: number;
}

/** In the order in which it is to be done. */
export type ToShard =
  /** Holders get the numbers 0, 1, 2, ... */
  | { readonly kind: 'holder'; readonly holder: Holder }
  /** As Listening.add. */
  | { readonly kind: 'listen'; readonly netns: number; readonly port: number; readonly address: number }
  /** Of a ShardBatch, which comes back. */
  | { readonly kind: 'batch'; readonly buffer: ArrayBuffer }
  | { readonly kind: 'sweep'; readonly tick: number; readonly lingerMax: number }
  | { readonly kind: 'report' };

export type FromShard =
  /** `left`: what left the core meanwhile, each by the 16 words of its row as they were. */
  | { readonly kind: 'batch'; readonly buffer: ArrayBuffer; readonly left: Int32Array }
  | { readonly kind: 'swept'; readonly left: Int32Array }
  | { readonly kind: 'report'; readonly report: ShardReport };

/** How a shard stands. */
export interface ShardReport {
  /** Rows ever used, over the memory of the shard. */
  readonly words: Int32Array<SharedArrayBuffer>;
  readonly top: number;
  readonly edges: readonly EdgeSum[];
  readonly bytes: number;
}
