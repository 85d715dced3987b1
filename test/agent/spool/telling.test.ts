/** How a spool is told: a few messages ahead, at the pace at which they are taken, and not the refused ones again. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Spool, type SpoolLoss } from '../../../agent/spool/spool.ts';
import { onTheirWayMax, SpoolTelling, toldAheadMax, usualMs } from '../../../agent/spool/telling.ts';
import { DiskError } from '../../../disk/disk-error.ts';
import { agentBatch } from '../../../wire/agent-batch.ts';
import { encodeAgentMessage } from '../../../wire/agent-message.ts';
import { decodeAgentMessage } from '../../support/decoded.ts';
import { MemoryDisk } from '../../support/memory-disk.ts';

let spool: Spool;
let losses: SpoolLoss[];
let telling: SpoolTelling;
let seq: number;

beforeEach(() => {
  losses = [];
  seq = 0;
  const lose = (loss: SpoolLoss): void => void losses.push(loss);
  const clock = { nowMs: () => 1_000_000, monotonicMs: () => 0 };
  const opened = Spool.open({ disk: new MemoryDisk(), folder: '/agent', maxBytes: 1 << 20, clock, lose });
  if (opened instanceof DiskError) throw opened;
  spool = opened;
  telling = new SpoolTelling(spool, lose);
});

/** Message n is over at second n, and says so as its base time. */
async function keep(count: number): Promise<void> {
  for (let n = 1; n <= count; n++) {
    const message = encodeAgentMessage(agentBatch({ baseUnixMs: n }));
    spool.append({ kind: 'sockets', count: 1, fromUnixMs: 1000 * n, toUnixMs: 1000 * n, message });
  }
  expect(await spool.commit()).toBeNull();
}

/** Tells as many as may go now. @returns which */
function tell(nowMs = 0): number[] {
  const told: number[] = [];
  for (let bytes = telling.take(seq + 1, nowMs); bytes !== null; bytes = telling.take(seq + 1, nowMs)) {
    const batch = decodeAgentMessage(bytes);
    expect(batch.seq).toBe(++seq);
    told.push(batch.baseUnixMs);
  }
  return told;
}

/** Everything that was begun is done. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the pace', () => {
  test('is one at a time until it is known what one takes, then a few', async () => {
    await keep(20);
    expect(tell(0)).toEqual([1]);
    telling.acknowledge(1, 0, 10);
    expect(tell(10)).toEqual([2, 3, 4, 5]);
    telling.acknowledge(3, 0, 20);
    expect(tell(20)).toHaveLength(2);
    expect(onTheirWayMax).toBe(4);
  });

  test('leaves an aggregator alone that takes long, for four times of what was too long', async () => {
    await keep(3);
    tell(0);
    telling.acknowledge(1, 0, usualMs + 100);
    expect([tell(usualMs + 499), telling.waitMs(usualMs + 499)]).toEqual([[], 1]);
    expect([tell(usualMs + 500), telling.waitMs(usualMs + 500)]).toEqual([[2], null]);
  });

  test('stops at what is not durable', async () => {
    await keep(100);
    for (let nowMs = 0; tell(nowMs).length > 0; nowMs++) telling.acknowledge(seq, 0, nowMs);
    expect(seq).toBe(toldAheadMax);
    telling.acknowledge(seq, 10, 200);
    for (let nowMs = 200; tell(nowMs).length > 0; nowMs++) telling.acknowledge(seq, 10, nowMs);
    expect(seq).toBe(toldAheadMax + 10);
  });
});

test('what is not durable is told again on the next stream, in order', async () => {
  await keep(5);
  tell(0);
  telling.acknowledge(1, 0, 1);
  tell(1);
  telling.acknowledge(5, 2, 2);
  telling.restart();
  expect(tell(3)).toEqual([3]);
  telling.acknowledge(6, 6, 4);
  expect(tell(4)).toEqual([4, 5]);
  telling.acknowledge(8, 8, 5);
  expect(tell(5)).toEqual([]);
  await settled();
  expect(spool.hasAny).toBe(false);
});

test('a refused one is a loss, and is passed over from then on', async () => {
  await keep(4);
  tell(0);
  telling.acknowledge(1, 1, 1);
  expect(tell(1)).toEqual([2, 3, 4]);
  telling.refused(3, 'bad-slot');
  telling.refused(99, 'of somebody else');
  expect(losses).toEqual([
    {
      reason: 'the aggregator refused closed sockets: bad-slot',
      fromUnixMs: 2000,
      toUnixMs: 3000,
      count: 0,
    },
  ]);
  telling.restart();
  expect(tell(2)).toEqual([2]);
  telling.acknowledge(5, 5, 3);
  expect(tell(3)).toEqual([4]);
  telling.acknowledge(6, 6, 4);
  expect(tell(4)).toEqual([]);
  await settled();
  expect([losses.length, spool.hasAny, telling.refusedTotal]).toEqual([1, false, 1]);
});
