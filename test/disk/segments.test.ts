/** A folder of segments on real files, with a disk that fails in between: what was committed is there, and no fault is thrown. */
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskError } from '../../disk/disk-error.ts';
import { recordBytesMax, recordHeaderBytes } from '../../disk/records.ts';
import { damagedFilesMax, Segments, type SegmentsOptions } from '../../disk/segments.ts';
import { FaultyDisk } from './faulty-files.ts';

let place: FaultyDisk;
beforeEach(() => {
  place = new FaultyDisk();
});
afterEach(() => place.close());

function open(more: Partial<SegmentsOptions> = {}): Segments {
  const { disk, folder } = place;
  const opened = Segments.open({ disk, folder, segmentBytes: 1000, waitingBytesMax: 4000, ...more });
  if (opened instanceof Error) throw opened;
  return opened;
}

const body = (text: string): Buffer[] => [Buffer.from(text)];

/** Everything that comes out again, with where it is torn or flawed. */
function contents(segments: Segments): string[] {
  return segments.numbers.flatMap((number) => {
    const scan = segments.scan(number);
    if (scan instanceof Error) return [scan.message];
    return Array.from(scan, (each) => (each.kind === 'record' ? each.bytes.toString() : each.kind));
  });
}

async function written(...texts: string[]): Promise<void> {
  const segments = open();
  for (const text of texts) segments.append(body(text));
  expect(await segments.close()).toBe(null);
}

const fileOf = (number: number): string => `${place.folder}/000000000${number}.segment`;

describe('segments', () => {
  it('have what was committed, in order, also for the next run', async () => {
    const segments = open();
    expect(segments.append(body('a'))).toEqual({ segment: 1, at: 8 });
    expect(segments.append(body('b'))).toEqual({ segment: 1, at: 8 + recordHeaderBytes + 1 });
    expect(contents(segments)).toEqual([]);
    expect(segments.waitingBytes).toBe(2 * (recordHeaderBytes + 1));
    expect(await segments.commit()).toBe(null);
    expect(contents(segments)).toEqual(['a', 'b']);
    expect(segments.waitingBytes).toBe(0);
    expect(contents(open())).toEqual(['a', 'b']);
  });

  it('are never added to by another run', async () => {
    await written('a');
    await written('b');
    const segments = open();
    expect(segments.numbers).toEqual([1, 2]);
    expect(contents(segments)).toEqual(['a', 'b']);
  });

  it('are followed by another one when they are long, and the oldest go', async () => {
    const segments = open({ segmentBytes: 100 });
    for (let i = 0; i < 12; i++) segments.append(body(`record ${i} with some text`));
    expect(await segments.commit()).toBe(null);
    const { numbers } = segments;
    expect(numbers).toEqual([1, 2, 3, 4]);
    expect(segments.bytes).toBe(numbers.reduce((sum, each) => sum + readFileSync(fileOf(each)).length, 0));
    expect(segments.dropOldest()).toBe(null);
    expect(segments.numbers).toEqual([2, 3, 4]);
    expect(contents(segments)[0]).toBe('record 3 with some text');
    for (let i = 0; i < 5; i++) segments.dropOldest();
    expect(segments.numbers).toEqual([segments.current]);
  });

  it('have numbers that were never in use, also when all are gone', () => {
    const segments = open({ numbersAbove: 41 });
    expect(segments.append(body('a'))?.segment).toBe(42);
  });

  it('take what comes while they commit with the next commit', async () => {
    const segments = open();
    segments.append(body('a'));
    const first = segments.commit();
    segments.append(body('b'));
    expect(await first).toBe(null);
    expect(contents(segments)).toEqual(['a']);
    expect(await segments.commit()).toBe(null);
    expect(contents(segments)).toEqual(['a', 'b']);
  });

  it('refuse what waits beyond their bound, and count it', async () => {
    const segments = open({ waitingBytesMax: 50 });
    expect(segments.append([Buffer.alloc(30)])).not.toBe(null);
    expect(segments.append([Buffer.alloc(30)])).toBe(null);
    expect(segments.counters.refused).toBe(1);
    await segments.commit();
    expect(segments.append([Buffer.alloc(30)])).not.toBe(null);
    expect(() => segments.append([Buffer.alloc(recordBytesMax + 1)])).toThrow(RangeError);
  });

  it('hold records that are longer than a piece of memory', async () => {
    const long = 'x'.repeat(700_000);
    const segments = open({ waitingBytesMax: 2_000_000 });
    for (const text of ['a', long, 'b']) segments.append(body(text));
    place.faults.writeBytesMax = 100_000;
    expect(await segments.commit()).toBe(null);
    expect(contents(open())).toEqual(['a', long, 'b']);
  });

  it('come back when writes are short', async () => {
    place.faults.writeBytesMax = 3;
    await written('a', 'bcd', 'e');
    expect(contents(open())).toEqual(['a', 'bcd', 'e']);
  });
});

describe('a disk that fails', () => {
  it.each(['open', 'write', 'sync', 'syncFolder'] as const)(
    'on %s: nothing is taken until it works',
    async (call) => {
      const segments = open();
      if (call !== 'open' && call !== 'syncFolder') {
        segments.append(body('before'));
        expect(await segments.commit()).toBe(null);
      }
      segments.append(body('lost'));
      place.faults.failing.set(call, 'EIO');
      const failed = await segments.commit();
      expect(failed).toBeInstanceOf(DiskError);
      expect(failed?.code).toBe('EIO');
      expect(segments.failure).toBe(failed);
      expect(segments.append(body('refused'))).toBe(null);
      expect(segments.waitingBytes).toBe(0);
      for (let i = 0; i < 3; i++) expect(await segments.retry()).toBeInstanceOf(DiskError);
      place.faults.failing.clear();
      expect(await segments.retry()).toBe(null);
      segments.append(body('after'));
      expect(await segments.commit()).toBe(null);
      const found = contents(segments).filter((text) => text !== 'lost' && text !== 'torn');
      expect(found).toEqual(call === 'open' || call === 'syncFolder' ? ['after'] : ['before', 'after']);
      expect(readdirSync(place.folder).length).toBeLessThanOrEqual(2);
    },
  );

  it('is full at any byte: what was committed comes back, and nothing that was not written whole', async () => {
    for (let room = 0; room < 60; room++) {
      const full = new FaultyDisk();
      const segments = Segments.open({
        disk: full.disk,
        folder: full.folder,
        segmentBytes: 1000,
        waitingBytesMax: 4000,
      }) as Segments;
      segments.append(body('first'));
      full.faults.room = room;
      const first = await segments.commit();
      segments.append(body('second'));
      const second = await segments.commit();
      full.faults.room = Number.POSITIVE_INFINITY;
      if (segments.failure !== null) expect(await segments.retry()).toBe(null);
      segments.append(body('third'));
      expect(await segments.close()).toBe(null);
      const wanted = [...(first === null ? ['first'] : []), ...(second === null ? ['second'] : []), 'third'];
      expect(contents(segments).filter((text) => text !== 'torn')).toEqual(wanted);
      if (first !== null) expect(first.message).toMatch(/^cannot write .*: the disk is full \(ENOSPC\)$/);
      full.close();
    }
  });

  it('may not be written at all', () => {
    place.faults.failing.set('makeFolder', 'EACCES');
    const { disk, folder } = place;
    const opened = Segments.open({ disk, folder, segmentBytes: 1000, waitingBytesMax: 1000 });
    expect(opened).toBeInstanceOf(DiskError);
    expect((opened as DiskError).message).toBe(
      `cannot make the folder ${folder}: permission denied (EACCES)`,
    );
  });

  it('may not be read', async () => {
    await written('a');
    const segments = open();
    place.faults.failing.set('read', 'EIO');
    expect(contents(segments)).toEqual([`cannot read ${fileOf(1)}: the disk failed (EIO)`]);
  });
});

describe('damage', () => {
  it('at the end is cut off and set aside, wherever it is', async () => {
    await written('a', 'b');
    const bytes = readFileSync(fileOf(1));
    for (let length = 1; length < bytes.length; length++) {
      writeFileSync(fileOf(1), bytes.subarray(0, length));
      const segments = open();
      const torn = [...(segments.scan(1) as Iterable<{ kind: string; at: number }>)].find(
        ({ kind }) => kind === 'torn',
      );
      if (torn === undefined) continue;
      expect(await segments.cutTail(1, torn.at)).toBe(null);
      expect(readFileSync(fileOf(1))).toEqual(bytes.subarray(0, torn.at));
      expect(readFileSync(`${place.folder}/0000000001.${torn.at}.damaged`)).toEqual(
        bytes.subarray(torn.at, length),
      );
      expect(contents(segments)).not.toContain('torn');
      expect(segments.bytes).toBe(torn.at);
    }
  });

  it('that was set aside is kept for the last few times', async () => {
    const segments = open();
    for (let number = 1; number <= 9; number++) {
      segments.append(body('a'));
      await segments.commit();
      segments.roll();
      truncateSync(fileOf(number), 12);
      expect(await segments.cutTail(number, 8)).toBe(null);
    }
    const kept = readdirSync(place.folder).filter((name) => name.endsWith('.damaged'));
    expect(kept).toHaveLength(damagedFilesMax);
    expect(kept[0]).toBe('0000000002.8.damaged');
    expect(segments.counters.damaged).toBe(9);
  });

  it('of any bit leaves all other records as they are', async () => {
    await written('first', 'second', 'third');
    const bytes = readFileSync(fileOf(1));
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 1 << (at % 8);
      writeFileSync(fileOf(1), flipped);
      const found = contents(open());
      expect(found).toContain('flaw');
      expect(['first', 'second', 'third']).toEqual(
        expect.arrayContaining(found.filter((each) => each !== 'flaw')),
      );
    }
  });

  it('of the mark of a segment hides all of it', async () => {
    await written('a');
    writeFileSync(fileOf(1), Buffer.alloc(30));
    expect(contents(open())).toEqual(['torn']);
    writeFileSync(fileOf(1), 'WTSEG\0\0');
    expect(contents(open())).toEqual(['torn']);
    writeFileSync(fileOf(1), 'something else altogether');
    expect(contents(open())).toEqual(['flaw']);
    writeFileSync(fileOf(1), '');
    expect(contents(open())).toEqual([]);
  });
});
