/** When a walk over connections is made, and when the last one is believed. */
import { expect, it } from 'vitest';
import { WalkRest, type WalkSigns, walkRestMaxMs } from '../../../agent/collect/walk-rest.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import type { SocketState } from '../../../model/socket-state.ts';

const signs: WalkSigns = { changes: 7, counts: 3n, isThorough: false, sharing: new Set([1, 2]) };

function row(state: SocketState): OwnedSocket {
  const end = { ip: '127.0.0.1', port: 1 };
  return { protocol: 'tcp', state, local: end, remote: end, inode: 0, uid: 0, netns: 1, owners: [] };
}

/** Two looks without a change in between, and a walk that showed a row after the second. */
function rested(state: SocketState = 'time-wait'): WalkRest {
  const rest = new WalkRest();
  rest.look(7);
  rest.look(7);
  rest.walked(signs, [row(state)], 0);
  return rest;
}

it('a walk is believed while nothing changes, and for so long at most', () => {
  const rest = rested();
  expect(rest.isAsWalked({ ...signs, sharing: new Set([2, 1]) }, walkRestMaxMs - 1)).toBe(true);
  expect(rest.isAsWalked(signs, walkRestMaxMs)).toBe(false);
});

it.each([
  ['a change of some state', { changes: 8 }],
  ['changes that are not told any more', { changes: null }],
  ['another count', { counts: 4n }],
  ['counts that are not told', { counts: null }],
  ['an accept queue', { isThorough: true }],
  ['another namespace', { sharing: new Set([1, 3]) }],
  ['one namespace more', { sharing: new Set([1, 2, 3]) }],
])('it is not believed after %s', (_, different) => {
  expect(rested().isAsWalked({ ...signs, ...different }, 1)).toBe(false);
});

it('nor where it was made just after a change, which may have been under way', () => {
  const rest = new WalkRest();
  rest.look(6);
  rest.look(7);
  rest.walked(signs, [row('time-wait')], 0);
  expect(rest.isAsWalked(signs, 1)).toBe(false);
});

it('nor where a change came between the look and the walk', () => {
  const rest = new WalkRest();
  rest.look(6);
  rest.look(6);
  rest.walked(signs, [row('time-wait')], 0);
  expect(rest.isAsWalked(signs, 1)).toBe(false);
});

it('nor where nobody tells of changes', () => {
  const rest = new WalkRest();
  rest.look(null);
  rest.look(null);
  rest.walked({ ...signs, changes: null }, [], 0);
  expect(rest.isAsWalked({ ...signs, changes: null }, 1)).toBe(false);
});

it.each([
  ['time-wait', true],
  ['established', true],
  ['close-wait', true],
  ['last-ack', true],
  ['fin-wait-2', true],
  ['syn-recv', false],
] as const)('a walk that showed %s is believed: %s', (state, isBelieved) => {
  expect(rested(state).isAsWalked(signs, 1)).toBe(isBelieved);
});

it('nothing is believed before the first, nor once it is forgotten', () => {
  expect(new WalkRest().isAsWalked(signs, 0)).toBe(false);
  const rest = rested();
  rest.forget();
  expect(rest.isAsWalked(signs, 1)).toBe(false);
});
