/** What an answer is, and the cut that most lists in answers have. */
import type { Sight } from '../security/sight.ts';
import type { Steps } from '../steps.ts';
import type { FleetView } from './fleet-view.ts';
import { type AnswerRequest, rowLimit, rowsMax } from './request.ts';
import { type SortFields, sortRows } from './sort.ts';

/**
 * A question and how it is answered, in steps (fleet-view.ts says what an answer means then). `now` is unix milliseconds.
 *
 * What `sight` hides is not in the document, and nothing in it depends on that: neither which rows there are nor their order.
 */
export type Answer<Document> = (
  view: FleetView,
  request: AnswerRequest,
  now: number,
  sight: Sight,
) => Steps<Document>;

/** Sorted, and cut when a limit was asked for: these lists are as long as the fleet is wide, and have no default limit. */
export function cut<Row>(
  rows: readonly Row[],
  request: AnswerRequest,
  fields: SortFields<Row>,
): readonly Row[] {
  const sorted = sortRows(rows, request.sort, fields);
  return sorted.slice(0, request.limit === 0 ? rowsMax : rowLimit(request));
}
