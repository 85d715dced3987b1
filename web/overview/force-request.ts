/** What the page and the layout worker say to each other. Services are numbers here: the layout needs no names. */

export interface ForceRequest {
  /** x, y of each service in turn. */
  readonly points: Float32Array;
  /** 1 where a service keeps its place. */
  readonly fixed: Uint8Array;
  /** Radius of each service in layout units, so that none is laid onto another. */
  readonly sizes: Float32Array;
  /** Client, server of each edge in turn. */
  readonly edges: Uint32Array;
  /** A fixed number rather than a time, so that every browser arrives at the same picture. */
  readonly iterations: number;
}

/** The new points, in the order of the request. */
export type ForceReply = Float32Array;
