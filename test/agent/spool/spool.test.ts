/** The spool by itself: what is kept, in which order it comes back, what goes when it is too much, and what damage does. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Spool, type SpoolLoss, spooledHoursMax } from '../../../agent/spool/spool.ts';
import type { SpooledMessage } from '../../../agent/spool/spooled-record.ts';
import { DiskError } from '../../../disk/disk-error.ts';
import { MemoryDisk } from '../../support/memory-disk.ts';

const startMs = 1_700_000_000_000;
const hourMs = 3_600_000;

let disk: MemoryDisk;
let nowMs: number;
let losses: SpoolLoss[];

beforeEach(() => {
  disk = new MemoryDisk();
  nowMs = startMs;
  losses = [];
});

function open(maxBytes = 1 << 20): Spool {
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs - startMs };
  const lose = (loss: SpoolLoss): void => void losses.push(loss);
  const spool = Spool.open({ disk, folder: '/agent', maxBytes, clock, lose });
  if (spool instanceof DiskError) throw spool;
  return spool;
}

/** One message of `n` sockets, which closed in second n. */
function message(n: number, bytes = 100): SpooledMessage {
  const atMs = startMs + 1000 * n;
  return {
    kind: 'sockets',
    count: n,
    fromUnixMs: atMs,
    toUnixMs: atMs + 500,
    message: Buffer.alloc(bytes, n),
  };
}

async function keep(spool: Spool, ...numbers: readonly number[]): Promise<void> {
  for (const n of numbers) expect(spool.append(message(n))).toBe(true);
  expect(await spool.commit()).toBeNull();
}

/** Reads all there is. @returns their numbers */
function readAll(spool: Spool): number[] {
  const read: number[] = [];
  for (let next = spool.next(); next !== null; next = spool.next()) read.push(next.message[0]!);
  return read;
}

/** Reads so many, and acknowledges them. */
function acknowledge(spool: Spool, count: number): void {
  for (let n = 0; n < count; n++) {
    const { end, toUnixMs } = spool.next()!;
    spool.advance(end, toUnixMs);
  }
}

/** Everything that was begun is done. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const segmentNames = (): string[] => [...disk.files.keys()].filter((path) => path.endsWith('.segment'));

describe('what is kept', () => {
  test('comes back in order, also as it is added, and again after a rewind', async () => {
    const spool = open();
    await keep(spool, 1, 2);
    expect(readAll(spool)).toEqual([1, 2]);
    await keep(spool, 3);
    expect(readAll(spool)).toEqual([3]);
    spool.rewind();
    expect(readAll(spool)).toEqual([1, 2, 3]);
  });

  test('is told in short and whole', async () => {
    const spool = open();
    await keep(spool, 7);
    expect(spool.next()).toEqual({ ...message(7), end: { segment: 1, at: expect.any(Number) } });
  });

  test('comes back in another run but for what was acknowledged', async () => {
    const spool = open();
    await keep(spool, 1, 2, 3);
    acknowledge(spool, 2);
    await spool.close();
    expect(readAll(open())).toEqual([3]);
  });

  test('is told again where the cursor is lost', async () => {
    const spool = open();
    await keep(spool, 1, 2);
    acknowledge(spool, 1);
    await spool.close();
    disk.files.delete('/agent/cursor');
    expect(readAll(open())).toEqual([1, 2]);
  });

  test('leaves nothing on the disk once it is acknowledged', async () => {
    const spool = open();
    await keep(spool, 1, 2);
    expect(spool.hasAny).toBe(true);
    acknowledge(spool, 2);
    await settled();
    expect([spool.bytes, spool.hasAny, segmentNames()]).toEqual([0, false, []]);
    await keep(spool, 3);
    await spool.close();
    expect(readAll(open())).toEqual([3]);
  });

  test('a segment goes only when the cursor behind it is on the disk', async () => {
    const spool = open();
    await keep(spool, 1);
    disk.failing = 'EIO';
    acknowledge(spool, 1);
    await settled();
    expect(segmentNames()).toHaveLength(1);
    expect(spool.failure?.message).toBe('cannot replace /agent/cursor: the disk failed (EIO)');
    disk.failing = null;
    nowMs += 5_000;
    spool.tick();
    await settled();
    expect([segmentNames(), spool.failure]).toEqual([[], null]);
  });
});

describe('what is too much', () => {
  test('the oldest goes, as a loss that counts its sockets and says of when they are', async () => {
    const spool = open(8_000);
    for (let n = 1; n <= 100; n++) {
      await keep(spool, n);
      expect(spool.bytes).toBeLessThanOrEqual(8_000);
    }
    const read = readAll(spool);
    expect(read.at(-1)).toBe(100);
    const lost = losses.reduce((sum, { count }) => sum + count, 0);
    expect(lost + read.reduce((sum, n) => sum + n, 0)).toBe((100 * 101) / 2);
    expect(losses[0]).toMatchObject({
      reason: 'the spool of the agent was full: what had waited longest went untold',
      fromUnixMs: startMs + 1_000,
    });
    expect(losses.at(-1)!.toUnixMs).toBe(startMs + 1000 * (read[0]! - 1) + 500);
    expect(spool.tables).toMatchObject([{ name: 'spool_bytes', limit: 8_000, refusedTotal: lost }]);
  });

  test('what is acknowledged of a segment that goes is not lost', async () => {
    const spool = open(8_000);
    await keep(spool, 1, 2, 3);
    acknowledge(spool, 2);
    for (let n = 4; losses.length === 0; n++) await keep(spool, n);
    expect(losses[0]!.fromUnixMs).toBe(startMs + 3_000);
  });

  test('what waits for two hours goes, whatever the clock shows', async () => {
    const spool = open();
    await keep(spool, 1);
    nowMs += hourMs;
    await keep(spool, 2);
    spool.tick();
    expect(losses).toEqual([]);
    nowMs += (spooledHoursMax - 1) * hourMs;
    spool.tick();
    expect(losses).toEqual([
      {
        kind: 'sockets',
        reason: 'what had waited in the spool of the agent for 2 hours went untold',
        fromUnixMs: startMs + 1_000,
        toUnixMs: startMs + 1_500,
        count: 1,
      },
    ]);
    expect(readAll(spool)).toEqual([2]);
  });

  test('gaps that go are losses as they were', async () => {
    const spool = open();
    const gap = { kind: 'gaps', count: 9, fromUnixMs: 5, toUnixMs: 6, message: Buffer.alloc(3) } as const;
    spool.append(gap);
    await spool.commit();
    nowMs += 2 * hourMs;
    spool.tick();
    expect(losses).toMatchObject([{ reason: 'several losses', count: 9, fromUnixMs: 5, toUnixMs: 6 }]);
  });
});

describe('a disk that fails', () => {
  test('takes nothing, until it works again', async () => {
    const spool = open();
    await keep(spool, 1);
    disk.failing = 'ENOSPC';
    expect(spool.append(message(2))).toBe(true);
    expect((await spool.commit())?.code).toBe('ENOSPC');
    expect(spool.append(message(3))).toBe(false);
    expect((await spool.retry())?.code).toBe('ENOSPC');
    disk.failing = null;
    expect(await spool.retry()).toBeNull();
    await keep(spool, 4);
    expect(readAll(spool)).toEqual([1, 4]);
    expect(losses).toEqual([]);
  });
});

/** Flips a bit of the first segment. */
function flip(at: number): void {
  const bytes = disk.files.get('/agent/0000000001.segment')!.bytes;
  bytes[at]! ^= 0x10;
}

describe('damage', () => {
  test('of one record costs that one, and is a loss from the one before to the one behind it', async () => {
    const spool = open();
    await keep(spool, 1, 2, 3);
    await spool.close();
    const { length } = disk.files.get('/agent/0000000001.segment')!.bytes;
    flip(Math.floor(length / 2));
    nowMs += hourMs;
    const next = open();
    expect(readAll(next)).toEqual([1, 3]);
    expect(losses).toEqual([
      {
        reason: 'a part of the spool cannot be read',
        fromUnixMs: startMs + 1_500,
        toUnixMs: startMs + 3_000,
        count: 0,
      },
    ]);
    expect(next.damaged).toBe(1);
  });

  test('of an end that is torn is set aside, and is a loss up to the start of the run', async () => {
    const spool = open();
    await keep(spool, 1, 2);
    await spool.close();
    const file = disk.files.get('/agent/0000000001.segment')!;
    file.bytes = file.bytes.subarray(0, file.bytes.length - 7);
    nowMs += hourMs;
    const next = open();
    expect(readAll(next)).toEqual([1]);
    expect(losses).toMatchObject([{ fromUnixMs: startMs + 1_500, toUnixMs: startMs + hourMs, count: 0 }]);
    await settled();
    expect([...disk.files.keys()].filter((path) => path.endsWith('.damaged'))).toHaveLength(1);
    next.rewind();
    acknowledge(next, 1);
    expect(next.next()).toBeNull();
    next.advanceToRead();
    await settled();
    expect(segmentNames()).toEqual([]);
  });

  test('of everything is one loss, and what comes is kept', async () => {
    const spool = open();
    await keep(spool, 1, 2);
    await spool.close();
    flip(2);
    nowMs += hourMs;
    const next = open();
    await keep(next, 5);
    expect(readAll(next)).toEqual([5]);
    expect(losses).toHaveLength(1);
  });
});
