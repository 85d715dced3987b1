/** Walking the map with arrow keys. */
import { describe, expect, it } from 'vitest';
import { stepFrom } from '../../../web/graph/walk.ts';

const points = new Map([
  ['caller', { x: 0, y: 0 }],
  ['other caller', { x: 0, y: 60 }],
  ['focus', { x: 300, y: 20 }],
  ['callee', { x: 600, y: 0 }],
]);

describe('stepFrom', () => {
  it.each([
    ['focus', 'ArrowLeft', 'caller'],
    ['focus', 'ArrowRight', 'callee'],
    ['caller', 'ArrowDown', 'other caller'],
    ['other caller', 'ArrowRight', 'focus'],
    ['callee', 'ArrowRight', null],
    ['gone', 'ArrowLeft', null],
  ] as const)('from %s by %s to %s', (from, key, to) => {
    expect(stepFrom(from, key, points)).toBe(to);
  });
});
