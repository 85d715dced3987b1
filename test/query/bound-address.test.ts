/** Where a listener is reached. */
import { expect, test } from 'vitest';
import { reachableAt } from '../../query/bound-address.ts';

const addresses = ['10.1.100.9', 'fd00::9'];

test.each([
  ['0.0.0.0', ['10.1.100.9', '127.0.0.1']],
  ['::', ['10.1.100.9', 'fd00::9', '127.0.0.1', '::1']],
  ['10.1.100.9', []],
  ['127.0.0.1', []],
])('bound to %s: %j', (bound, expected) => expect(reachableAt(bound, addresses)).toEqual(expected));

test('in a namespace without addresses it is reached on loopback', () => {
  expect(reachableAt('0.0.0.0', [])).toEqual(['127.0.0.1']);
});
