/** A disk that fails, does not answer, or is damaged: nothing is called durable that is not, and what is lost is said. */
import { describe, expect, it } from 'vitest';
import { defaultJournalLimits } from '../../../aggregator/journal/limits.ts';
import { damageReason } from '../../../aggregator/journal/restore.ts';
import { scanSegment } from '../../../disk/segment-scan.ts';
import { FleetOfTwo, lines } from './fleet-of-two.ts';

const edge = (open: number, total: number): string[] => [`shop>store ${open}/${total}`];

/** Up to where the agent of `web` knows that all is durable. */
function durableOf({ web }: FleetOfTwo): number {
  return Number(web.acks.at(-1)!.split('/')[1]);
}

function appliedOf({ web }: FleetOfTwo): number {
  return Number(web.acks.at(-1)!.split('/')[0]);
}

describe('acknowledgements', () => {
  it('call durable what is synced, and tell it together with what is applied', async () => {
    const fleet = await FleetOfTwo.begin();
    fleet.web.acks.length = 0;
    fleet.open(1);
    fleet.web.stream.flush();
    await fleet.aggregator.time.advance(150);
    expect(fleet.web.acks).toEqual([]);
    await fleet.aggregator.time.advance(100);
    expect(fleet.web.acks).toEqual(['2/2']);
  });

  it('tell what is applied while the disk does not answer', async () => {
    const fleet = await FleetOfTwo.begin({ stallMs: 1_000 });
    fleet.aggregator.disk.hold();
    const durable = durableOf(fleet);
    for (let n = 1; n <= 20; n++) {
      fleet.open(n);
      await fleet.pass(100);
    }
    expect(appliedOf(fleet)).toBeGreaterThanOrEqual(durable + 19);
    expect(durableOf(fleet)).toBe(durable);
  });
});

describe('a disk that fails', () => {
  it('leaves nothing durable until it works, and then everything', async () => {
    const fleet = await FleetOfTwo.begin();
    fleet.open(1, 2);
    await fleet.pass(1_000);
    fleet.aggregator.disk.failing = 'ENOSPC';
    const durable = durableOf(fleet);
    fleet.open(3);
    fleet.close(1);
    await fleet.pass(5_000);
    expect(fleet.aggregator.kept!.journal.state).toMatchObject({
      kind: 'failing',
      error: { code: 'ENOSPC' },
    });
    expect(durableOf(fleet)).toBe(durable);
    expect(appliedOf(fleet)).toBeGreaterThan(durable);
    expect(fleet.shown().connections).toEqual([...lines('open', 2, 3), ...lines('closed', 1)].toSorted());
    fleet.aggregator.disk.failing = null;
    await fleet.pass(5_000);
    expect(fleet.aggregator.kept!.journal.isWriting).toBe(true);
    expect(durableOf(fleet)).toBe(appliedOf(fleet));
    const before = fleet.shown();
    await fleet.aggregator.restart();
    expect(fleet.shown()).toEqual(before);
    expect(before.edges).toEqual(edge(2, 3));
    await fleet.pass(10_000);
    expect(fleet.shown()).toEqual(before);
    expect(fleet.aggregator.gaps()).toEqual([]);
  });

  it('from the start keeps no agent from being in step', async () => {
    const fleet = new FleetOfTwo();
    await fleet.aggregator.start();
    fleet.aggregator.disk.failing = 'EROFS';
    fleet.join();
    fleet.open(1);
    await fleet.pass(5_000);
    expect(fleet.web.stream.state.kind).toBe('streaming');
    expect(durableOf(fleet)).toBe(0);
    expect(fleet.shown().connections).toEqual(lines('open', 1));
  });

  it('and is killed meanwhile: agents tell again what was never durable', async () => {
    const fleet = await FleetOfTwo.begin();
    fleet.open(1, 2);
    await fleet.pass(1_000);
    fleet.aggregator.disk.failing = 'EIO';
    fleet.close(1);
    fleet.open(3);
    await fleet.pass(3_000);
    fleet.close(3);
    await fleet.pass(3_000);
    await fleet.aggregator.restart();
    await fleet.pass(15_000);
    expect(fleet.shown()).toEqual({
      connections: [...lines('open', 2), ...lines('closed', 1, 3)].toSorted(),
      edges: edge(1, 3),
    });
  });

  it('does not answer, and then does: what waited is durable, and the journal begins anew', async () => {
    const fleet = await FleetOfTwo.begin({ stallMs: 1_000 });
    fleet.open(1);
    fleet.web.stream.flush();
    fleet.db.stream.flush();
    await fleet.aggregator.time.advance(50);
    fleet.aggregator.disk.hold();
    await fleet.pass(3_000);
    expect(fleet.aggregator.kept!.journal.state.kind).toBe('stalled');
    fleet.open(2);
    fleet.close(1);
    await fleet.pass(2_000);
    expect(durableOf(fleet)).toBeLessThan(appliedOf(fleet));
    fleet.aggregator.disk.release();
    await fleet.pass(3_000);
    expect(fleet.aggregator.kept!.journal.isWriting).toBe(true);
    expect(durableOf(fleet)).toBe(appliedOf(fleet));
    const before = fleet.shown();
    await fleet.aggregator.restart();
    expect(fleet.shown()).toEqual(before);
    expect(before).toEqual({
      connections: [...lines('open', 2), ...lines('closed', 1)].toSorted(),
      edges: edge(1, 2),
    });
  });

  it('holds back what is taken in while much waits for it', async () => {
    const fleet = await FleetOfTwo.begin({ pressureBytes: 500, stallMs: 60_000 });
    fleet.aggregator.disk.hold();
    const taken = (): number => fleet.aggregator.ingest.counters.messages;
    for (let n = 1; n <= 30; n++) {
      fleet.open(n);
      await fleet.pass(100);
    }
    const held = taken();
    await fleet.pass(2_000);
    expect(taken()).toBe(held);
    expect(fleet.aggregator.kept!.journal.segments.waitingBytes).toBeLessThan(2_000);
    fleet.aggregator.disk.release();
    await fleet.pass(3_000);
    expect(taken()).toBeGreaterThan(held);
    expect(fleet.shown().edges).toEqual(edge(30, 30));
  });
});

describe('a journal that is damaged', () => {
  /** Flips a bit of a record of the newest segment, in its header or at its end. @returns whether it has so many */
  function flip({ aggregator }: FleetOfTwo, record: number, part: 'header' | 'end'): boolean {
    const segments = [...aggregator.disk.files.keys()].filter((each) => each.endsWith('.segment'));
    const { bytes } = aggregator.disk.files.get(segments.sort().at(-1)!)!;
    const found = [...scanSegment(bytes, 0)][record];
    if (found === undefined) return false;
    bytes[part === 'header' ? found.at : found.end - 1]! ^= 4;
    return true;
  }

  it.each([
    ['header', 8],
    ['end', 4],
  ] as const)(
    'in the %s of any record: what is lost lies in a gap, and what is open is right',
    async (part, least) => {
      let incomplete = 0;
      for (let record = 0, isThere = true; isThere; record++) {
        const fleet = await FleetOfTwo.begin();
        fleet.open(1, 2, 3, 4);
        await fleet.pass(2_000);
        fleet.close(1, 2);
        await fleet.pass(2_000);
        fleet.close(3);
        fleet.open(5);
        await fleet.pass(2_000);
        fleet.aggregator.kill();
        isThere = flip(fleet, record, part);
        await fleet.aggregator.start();
        if (isThere) expect(fleet.aggregator.kept!.restored.flaws).toBeGreaterThan(0);
        await fleet.pass(15_000);
        const { connections } = fleet.shown();
        expect(connections.filter((each) => each.endsWith('open'))).toEqual(lines('open', 4, 5));
        const closed = lines('closed', 1, 2, 3).filter((each) => connections.includes(each));
        const withGap = fleet.aggregator.gaps().filter((gap) => gap.endsWith(damageReason));
        if (closed.length === 3) continue;
        incomplete++;
        expect(withGap.filter((gap) => gap.startsWith('web '))).toHaveLength(1);
      }
      expect(incomplete).toBeGreaterThanOrEqual(least);
    },
  );

  it('at its very beginning loses no more than a segment may hold', async () => {
    const fleet = await FleetOfTwo.begin();
    fleet.open(1);
    await fleet.pass(2_000);
    await fleet.aggregator.restart();
    await fleet.pass(5_000);
    fleet.aggregator.kill();
    // What else would tell since when there is a journal.
    const { files } = fleet.aggregator.disk;
    const [, ...older] = [...files.keys()]
      .filter((each) => each.endsWith('.segment'))
      .sort()
      .reverse();
    for (const each of ['/data/checkpoint', ...older]) files.delete(each);
    flip(fleet, 0, 'end');
    await fleet.aggregator.start();
    await fleet.pass(10_000);
    const lengths = fleet.aggregator.gaps().map((gap) => Number(gap.split(' ')[1]));
    expect(lengths).toHaveLength(2);
    for (const ms of lengths) {
      expect(ms).toBeGreaterThanOrEqual(defaultJournalLimits.segmentAgeMs);
      expect(ms).toBeLessThan(defaultJournalLimits.segmentAgeMs + 20_000);
    }
  });

  it('keeps its gaps once, however often it is read', async () => {
    const fleet = await FleetOfTwo.begin();
    fleet.open(1);
    await fleet.pass(2_000);
    fleet.aggregator.kill();
    flip(fleet, 8, 'end');
    await fleet.aggregator.start();
    await fleet.pass(10_000);
    const gaps = fleet.aggregator.gaps();
    expect(gaps).toHaveLength(2);
    for (let round = 0; round < 3; round++) {
      await fleet.aggregator.restart();
      expect(fleet.aggregator.gaps()).toEqual(gaps);
      await fleet.pass(5_000);
    }
  });
});
