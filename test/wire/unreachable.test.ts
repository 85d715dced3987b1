/** The words for a server that cannot be reached. */
import { expect, test } from 'vitest';
import { unreachableReason } from '../../wire/unreachable.ts';

test.each([
  [
    'No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: ',
    'connection refused',
  ],
  ['Name resolution failed for target dns:nowhere.invalid:7443', 'its name cannot be resolved'],
  [
    'No connection established. Last error: Error: Protocol error. Resolution note: ',
    'what listens there does not speak gRPC (the HTTP port?)',
  ],
  [
    'No connection established. Last error: Failed to connect (2026-02-03T04:05:06.000Z). Resolution note: ',
    'it takes connections and closes them at once',
  ],
  ['Connection dropped', 'the connection broke off'],
  ['Stream refused by server\nat somewhere', 'Stream refused by server'],
])('%j', (details, reason) => expect(unreachableReason(details)).toBe(reason));
