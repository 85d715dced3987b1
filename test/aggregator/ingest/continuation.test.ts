/** Which sockets are known again when an agent was restarted. */
import { expect, test } from 'vitest';
import type { ReportedSocket } from '../../../aggregator/correlate/report.ts';
import { Continuable, matchContinuations } from '../../../aggregator/ingest/continuation.ts';
import type { OpenedRow } from '../../../aggregator/ingest/opened-row.ts';
import type { Protocol, SocketState } from '../../../model/socket-state.ts';

interface Shape {
  readonly state: SocketState;
  readonly inode: number;
  readonly protocol?: Protocol;
}

function rowOf({ state, inode, protocol = 'tcp' }: Shape): OpenedRow {
  return {
    slot: 0,
    id: 1,
    protocol,
    state,
    netns: 1,
    local: { ip: '10.0.0.1', port: 80 },
    remote: state === 'listen' ? { ip: '0.0.0.0', port: 0 } : { ip: '10.0.0.2', port: 40_000 },
    inode,
    uid: 0,
    owners: [],
    openedAtMs: 1,
    notBeforeMs: 0,
    acceptedMs: 0,
    forwarded: null,
    translation: null,
    counters: null,
    byConntrack: false,
    closedAtMs: null,
  };
}

function goesOn(before: Shape, now: Shape): boolean {
  const socket = { ...rowOf(before), id: '1-1' } as unknown as ReportedSocket;
  return matchContinuations([rowOf(now)], [{ socket }]).size === 1;
}

test.each<[before: Shape, now: Shape, boolean]>([
  [{ state: 'established', inode: 5 }, { state: 'established', inode: 5 }, true],
  [{ state: 'established', inode: 5 }, { state: 'established', inode: 6 }, false],
  // It closed, and the kernel remembers it.
  [{ state: 'established', inode: 5 }, { state: 'time-wait', inode: 0 }, true],
  // Another one took its place and waits to be accepted.
  [{ state: 'established', inode: 5 }, { state: 'established', inode: 0 }, false],
  // It was accepted.
  [{ state: 'syn-recv', inode: 0 }, { state: 'established', inode: 5 }, true],
  [{ state: 'established', inode: 0 }, { state: 'established', inode: 0 }, true],
  // A four-tuple in TIME_WAIT was used anew.
  [{ state: 'time-wait', inode: 0 }, { state: 'established', inode: 5 }, false],
  [{ state: 'time-wait', inode: 0 }, { state: 'syn-recv', inode: 0 }, false],
  [{ state: 'time-wait', inode: 0 }, { state: 'time-wait', inode: 0 }, true],
  [{ state: 'listen', inode: 5 }, { state: 'listen', inode: 6 }, false],
  [
    { state: 'established', inode: 5, protocol: 'udp' },
    { state: 'established', inode: 0, protocol: 'udp' },
    false,
  ],
])('%o, then %o: %s', (before, now, expected) => {
  expect(goesOn(before, now)).toBe(expected);
});

test('each goes on once', () => {
  const before = [
    { socket: { ...rowOf({ state: 'established', inode: 5 }), id: '1-1' } as unknown as ReportedSocket },
  ];
  const snapshot = [rowOf({ state: 'established', inode: 5 }), rowOf({ state: 'time-wait', inode: 0 })];
  expect([...matchContinuations(snapshot, before).keys()]).toEqual([snapshot[0]]);
});

test.each<[before: Shape, ended: Shape, change: Partial<OpenedRow>, boolean]>([
  // Reset, or closed by whoever holds it: the event of its end came before the first scan.
  [{ state: 'established', inode: 5 }, { state: 'established', inode: 0 }, {}, true],
  [{ state: 'established', inode: 5 }, { state: 'close-wait', inode: 0 }, {}, true],
  [{ state: 'established', inode: 5 }, { state: 'last-ack', inode: 0 }, {}, true],
  // Somebody looked before, and it was not there.
  [{ state: 'established', inode: 5 }, { state: 'established', inode: 0 }, { notBeforeMs: 1 }, false],
  // It would have to go back in its life.
  [{ state: 'time-wait', inode: 0 }, { state: 'established', inode: 0 }, {}, false],
])('one that was %o goes on where an event told its end as %o %o: %s', (before, ended, change, expected) => {
  const socket = { ...rowOf(before), id: '1-1' } as unknown as ReportedSocket;
  const told = { ...rowOf(ended), closedAtMs: 2, ...change };
  expect(matchContinuations([told], [{ socket }]).size === 1).toBe(expected);
});

test('who was taken is left to nobody, and of two with one key the later one is taken', () => {
  const open = rowOf({ state: 'established', inode: 5 });
  const [first, later] = [{ socket: open }, { socket: { ...open } }];
  const continuable = new Continuable([first, later]);
  expect(continuable.take(open)).toBe(later);
  expect(continuable.left()).toEqual([first]);
  expect(continuable.take(open)).toBeUndefined();
});
