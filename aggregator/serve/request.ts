/** What is asked: the parameters that gRPC and HTTP share, with their limits. */

export interface AnswerRequest {
  /** Filter, target, source or service, as a person types it. */
  readonly q: string;
  /** Only this realm; empty = all. */
  readonly realm: string;
  /** Rows at most; 0 = the default of the question. */
  readonly limit: number;
  /** Field to sort by, reversed behind a `-`; empty = the order of the question. */
  readonly sort: string;
  /** Levels of `deps`; 0 = all. */
  readonly depth: number;
  readonly reverse: boolean;
}

export const emptyRequest: AnswerRequest = { q: '', realm: '', limit: 0, sort: '', depth: 0, reverse: false };

/** Connections and listeners in an answer that asked for no limit. `total` tells how many there are. */
export const rowsDefault = 1000;

/** Rows of one answer at most, whatever was asked: about 50 MB of connections. */
export const rowsMax = 50_000;

/** The question cannot be answered as put, for another reason than its filter (that is a FilterError). */
export class InvalidRequest extends Error {
  override readonly name = 'InvalidRequest';
}

/** How many rows an answer may have. */
export function rowLimit(request: AnswerRequest): number {
  return Math.min(request.limit === 0 ? rowsDefault : request.limit, rowsMax);
}
