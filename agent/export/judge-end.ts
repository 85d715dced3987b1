/** What the end of a stream means to an agent. */
import { status } from '@grpc/grpc-js';
import { unreachableReason } from '../../wire/unreachable.ts';

const refusals: readonly status[] = [
  status.FAILED_PRECONDITION,
  status.ALREADY_EXISTS,
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
];

/** Whether the end of a stream is a refusal that only a person can mend, and how to say it in one line. */
export function judgeEnd(code: status, details: string, endpoint: string): { why: string; refused: boolean } {
  if (code === status.UNIMPLEMENTED) {
    return { why: `${endpoint} is no whotalks aggregator: it has no Ingest service`, refused: true };
  }
  if (refusals.includes(code)) return { why: `${endpoint} refuses this agent: ${details}`, refused: true };
  if (code === status.UNAVAILABLE) {
    return { why: `cannot reach ${endpoint}: ${unreachableReason(details)}; trying again`, refused: false };
  }
  if (code === status.OK) return { why: `${endpoint} ended the stream`, refused: false };
  return { why: `${endpoint}: ${details} (${status[code]})`, refused: false };
}
