/** Errors of the HTTP API: status, and the one document that all of them have. */
import type { ErrorDocument } from '../../model/document.ts';
import { FilterError } from '../../query/filter-error.ts';
import { TooManyQuestions } from './answer-turns.ts';
import { InvalidRequest } from './request.ts';
import { TooManyWatchers } from './watch-feed.ts';

export interface HttpFailure {
  readonly status: number;
  readonly document: ErrorDocument;
  /** Whether it is the aggregator's own fault, for its log. */
  readonly isInternal: boolean;
}

export function httpFailure(error: unknown): HttpFailure {
  if (error instanceof FilterError) return failure(400, 'bad-filter', error.message, error.column);
  if (error instanceof InvalidRequest) return failure(400, 'bad-request', error.message);
  if (error instanceof TooManyQuestions) return failure(503, 'too-many-questions', error.message);
  if (error instanceof TooManyWatchers) return failure(503, 'too-many-watchers', error.message);
  const status = statusOf(error);
  if (status !== null && status < 500) return failure(status, 'bad-request', (error as Error).message);
  return {
    ...failure(500, 'internal', 'the aggregator failed to answer; its log says why'),
    isInternal: true,
  };
}

/** The status that fastify puts on errors of its own, such as a malformed address. */
function statusOf(error: unknown): number | null {
  if (!(error instanceof Error) || !('statusCode' in error)) return null;
  return typeof error.statusCode === 'number' && error.statusCode >= 400 ? error.statusCode : null;
}

export function failure(
  status: number,
  code: string,
  message: string,
  column: number | null = null,
): HttpFailure {
  return { status, document: { error: { code, message, column } }, isInternal: false };
}
