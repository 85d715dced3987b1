/** Whether the kernel's counters say that processes hold every connection. */
import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ConnectionCount } from '../../../agent/collect/connection-count.ts';
import type { TcpTotals } from '../../../agent/procfs/net-snmp.ts';

const quiet: TcpTotals = { opens: 70, resets: 3, established: 12 };

/** Tells one after the other; an Error is thrown. */
function telling(...answers: readonly (TcpTotals | null | Error)[]): () => TcpTotals | null {
  const left = [...answers];
  return () => {
    const answer = left.shift()!;
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

test.each<[string, TcpTotals | null | Error, number, boolean]>([
  ['all are held and nothing changed', quiet, 12, true],
  ['one is held by nobody', quiet, 11, false],
  ['one more is held than there were', quiet, 13, false],
  ['one began and one ended', { ...quiet, opens: 71 }, 12, false],
  ['one broke off and one began', { ...quiet, resets: 4 }, 12, false],
  ['one ended', { ...quiet, established: 11 }, 12, false],
  ['the counters are gone', null, 12, false],
  ['the counters cannot be read', new Error('EMFILE'), 12, false],
])('%s', (_, after, held, isStill) => {
  expect(ConnectionCount.begin(telling(quiet, after))!.isStill(held)).toBe(isStill);
});

test('without counters nothing is counted', () => {
  expect(ConnectionCount.begin(telling(null))).toBe(null);
  expect(ConnectionCount.begin(telling(new Error('ENOENT')))).toBe(null);
});

test('it is about the own namespace', () => {
  expect(ConnectionCount.begin()!.netns).toBe(statSync('/proc/self/ns/net').ino);
});
