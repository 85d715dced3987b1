/** Same socket or another one: every pair of sightings that the kernel's life of a socket allows or forbids. */
import { expect, it } from 'vitest';
import { continues } from '../../model/continuity.ts';
import type { SocketState } from '../../model/socket-state.ts';
import { row } from '../agent/sockets.ts';

type Sighting = readonly [SocketState, number];

const same: readonly (readonly [string, Sighting, Sighting])[] = [
  ['nothing happened', ['established', 7], ['established', 7]],
  ['closed by the peer', ['established', 7], ['close-wait', 7]],
  ['connected', ['syn-sent', 7], ['established', 7]],
  ['closed here, the fd is gone', ['established', 7], ['fin-wait-1', 0]],
  ['over', ['established', 7], ['time-wait', 0]],
  ['over, seen on the way', ['fin-wait-2', 0], ['time-wait', 0]],
  ['the last ACK is awaited', ['close-wait', 7], ['last-ack', 0]],
  ['handshake done, not accepted yet', ['syn-recv', 0], ['established', 0]],
  ['accepted', ['established', 0], ['established', 7]],
  ['accepted at once', ['syn-recv', 0], ['established', 7]],
  ['accepted after the peer closed', ['close-wait', 0], ['close-wait', 7]],
  ['closed by the peer before it was accepted', ['established', 0], ['close-wait', 0]],
  ['still waiting', ['time-wait', 0], ['time-wait', 0]],
];

const another: readonly (readonly [string, Sighting, Sighting])[] = [
  ['another inode', ['established', 7], ['established', 8]],
  ['another inode after the close', ['close-wait', 7], ['established', 8]],
  ['TIME_WAIT reused by a client', ['time-wait', 0], ['syn-sent', 8]],
  ['TIME_WAIT reused by a server', ['time-wait', 0], ['syn-recv', 0]],
  ['TIME_WAIT reused and established', ['time-wait', 0], ['established', 0]],
  ['TIME_WAIT reused and accepted', ['time-wait', 0], ['established', 8]],
  ['TIME_WAIT reused and closed by the peer', ['time-wait', 0], ['close-wait', 8]],
  ['an orphan gets no inode', ['fin-wait-2', 0], ['fin-wait-2', 8]],
  ['an accepted connection does not go back to the queue', ['established', 7], ['established', 0]],
  ['nor to the handshake', ['established', 0], ['syn-recv', 0]],
  ['a socket that connects again', ['established', 7], ['syn-sent', 7]],
];

it.each(same)('same: %s', (_, [before, inode], [now, nextInode]) => {
  expect(continues(row({ state: before, inode }), row({ state: now, inode: nextInode }))).toBe(true);
});

it.each(another)('another: %s', (_, [before, inode], [now, nextInode]) => {
  expect(continues(row({ state: before, inode }), row({ state: now, inode: nextInode }))).toBe(false);
});
