/** Which sockets are looked up when. */
import { describe, expect, it } from 'vitest';
import { WaitingSockets } from '../../../agent/conntrack/waiting-sockets.ts';
import type { Protocol } from '../../../model/socket-state.ts';
import { reversed, socketBetween } from './sockets.ts';

const a = socketBetween('10.0.0.1:40000', '10.0.0.2:443');
const b = socketBetween('10.0.0.1:40001', '10.0.0.2:443');
const c = socketBetween('10.0.0.1:40002', '10.0.0.2:443');

function dueIds(waiting: WaitingSockets, nowMs: number, max = 100): number[] {
  waiting.wake(nowMs);
  return waiting.takeDue(max).map(({ id }) => id);
}

describe('waiting sockets', () => {
  it('are due once, the newest first', () => {
    const waiting = new WaitingSockets();
    waiting.add(1, a, true);
    waiting.add(2, b, true);
    waiting.add(3, c, true);
    expect(dueIds(waiting, 0, 2)).toEqual([2, 1]);
    expect(dueIds(waiting, 0)).toEqual([3]);
    expect(waiting.table.size).toBe(0);
  });

  it('are let go when they close', () => {
    const waiting = new WaitingSockets();
    waiting.add(1, a, true);
    waiting.delete(1);
    waiting.delete(9);
    expect(dueIds(waiting, 0)).toEqual([]);
  });

  it('are let go for a newer one with the same tuple', () => {
    const waiting = new WaitingSockets();
    waiting.add(1, a, true);
    waiting.add(2, a, true);
    waiting.delete(1);
    expect(dueIds(waiting, 0)).toEqual([2]);
  });

  it('do not come back when a newer one with the same tuple waits', () => {
    const waiting = new WaitingSockets();
    waiting.add(1, a, true);
    const [missed] = waiting.takeDue(1);
    waiting.add(2, a, true);
    waiting.putBack(missed!, 0);
    expect(dueIds(waiting, 10_000)).toEqual([2]);
  });

  it('go in pairs that show each other in one namespace', () => {
    const waiting = new WaitingSockets();
    waiting.add(1, a, true);
    waiting.add(2, reversed(a), true);
    waiting.add(3, { ...reversed(b), netns: b.netns + 1 }, true);
    waiting.add(4, b, true);
    expect(dueIds(waiting, 0)).toEqual([4, 3]);
  });

  it('wait even when they are connected to themselves', () => {
    const waiting = new WaitingSockets();
    const self = socketBetween('127.0.0.1:40000', '127.0.0.1:40000');
    waiting.add(1, self, true);
    expect(dueIds(waiting, 0)).toEqual([1]);
  });

  it.each<[Protocol, number[]]>([
    ['tcp', [0, 1_000]],
    ['udp', [0, 1_000, 3_000, 7_000, 15_000, 31_000, 63_000, 127_000]],
  ])('of %s that are missed are due again later, and then no more', (protocol, expected) => {
    const waiting = new WaitingSockets();
    waiting.add(1, { ...a, protocol }, true);
    const dueAtMs: number[] = [];
    for (let nowMs = 0; nowMs < 300_000; nowMs += 500) {
      waiting.wake(nowMs);
      for (const missed of waiting.takeDue(10)) {
        dueAtMs.push(nowMs);
        expect(missed.isFresh).toBe(nowMs === 0);
        waiting.putBack(missed, nowMs);
      }
    }
    expect(dueAtMs).toEqual(expected);
  });

  it('beyond the limit are refused and counted', () => {
    const waiting = new WaitingSockets(2);
    for (const [i, socket] of [a, b, c].entries()) waiting.add(i, socket, true);
    expect(waiting.table).toMatchObject({ size: 2, refusedTotal: 1 });
  });
});
