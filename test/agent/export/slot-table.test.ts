/** Slots, what is pending, what a snapshot holds, and what is forgotten when there is too much. */
import { describe, expect, test } from 'vitest';
import { GapLedger } from '../../../agent/export/gap-ledger.ts';
import { changeBits } from '../../../agent/export/slot-record.ts';
import { SlotTable } from '../../../agent/export/slot-table.ts';
import { changed, closed, netnsInode, opened } from './sockets.ts';

function table(limits = { slotsMax: 100, closedUnackedMax: 10 }) {
  const gaps = new GapLedger();
  return { gaps, slots: new SlotTable(gaps, limits) };
}

/** Tells everything that is pending in one message; returns `slot told` pairs before the telling. */
function tellAll(slots: SlotTable, seq: number): string[] {
  const told: string[] = [];
  for (const record of slots.pending()) {
    told.push(`${record.id} in slot ${record.slot}${record.closedAtMs === null ? '' : ' closed'}`);
    slots.markTold(record, seq);
  }
  return told;
}

describe('SlotTable', () => {
  test('a slot is free again when the close that was told is acknowledged, not before', () => {
    const { slots } = table();
    slots.apply(opened(1));
    expect(tellAll(slots, 1)).toEqual(['1 in slot 0']);
    slots.apply(closed(1));
    expect(tellAll(slots, 2)).toEqual(['1 in slot 0 closed']);
    slots.acknowledge(1);
    slots.apply(opened(2));
    expect(tellAll(slots, 3)).toEqual(['2 in slot 1']);
    expect(slots.closedCount).toBe(1);
    slots.acknowledge(2);
    expect(slots.closedCount).toBe(0);
    slots.apply(opened(3));
    expect(tellAll(slots, 4)).toEqual(['3 in slot 0']);
  });

  test('what opens and closes before it is told is told as both', () => {
    const { slots } = table();
    slots.apply(opened(1));
    slots.apply(changed(1, { state: 'close-wait' }));
    slots.apply(closed(1, { state: 'close-wait' }));
    expect(slots.pendingCount).toBe(1);
    const record = slots.pending().next().value!;
    expect(record).toMatchObject({ closedAtMs: 7000, changes: 0 });
    expect(slots.isTold(record)).toBe(false);
    expect(record.socket.state).toBe('close-wait');
  });

  test('a change that is told as another one comes is told again', () => {
    const { slots } = table();
    slots.apply(opened(1));
    tellAll(slots, 1);
    slots.apply(changed(1, { state: 'close-wait' }));
    expect(slots.pending().next().value).toMatchObject({ changes: changeBits.state | changeBits.owners });
    tellAll(slots, 2);
    slots.apply(changed(1, { state: 'last-ack' }));
    expect(slots.pending().next().value!.socket.state).toBe('last-ack');
  });

  test('a snapshot is all that is open, and all that closed without being acknowledged, oldest first', () => {
    const { slots } = table();
    for (const id of [1, 2, 3, 4]) slots.apply(opened(id));
    tellAll(slots, 1);
    slots.apply(closed(3));
    slots.apply(closed(1));
    tellAll(slots, 2);
    slots.acknowledge(1);
    slots.startSnapshot();
    expect(slots.snapshotLeft).toBe(4);
    expect(tellAll(slots, 3)).toEqual([
      '1 in slot 0 closed',
      '2 in slot 1',
      '3 in slot 2 closed',
      '4 in slot 3',
    ]);
    expect(slots.snapshotLeft).toBe(0);
    // An acknowledgement of the stream before says nothing about the snapshot.
    slots.acknowledge(2);
    expect(slots.closedCount).toBe(2);
    slots.acknowledge(3);
    expect(slots.closedCount).toBe(0);
  });

  test('too many closed ones: the oldest are forgotten and counted', () => {
    const { slots, gaps } = table({ slotsMax: 100, closedUnackedMax: 2 });
    for (const id of [1, 2, 3, 4]) {
      slots.apply(opened(id, {}, 1000 * id));
      slots.apply(closed(id, {}, 1000 * id + 500));
    }
    expect(tellAll(slots, 1)).toEqual(['3 in slot 2 closed', '4 in slot 0 closed']);
    expect(gaps.lostEvents).toBe(2);
    expect(gaps.take(1)).toEqual([
      {
        id: 1,
        reason: 'closed sockets had to be forgotten before the aggregator took them',
        fromUnixMs: 1000,
        toUnixMs: 2500,
        lostEvents: 2,
      },
    ]);
  });

  test('the close of a socket that the aggregator has is never forgotten', () => {
    const { slots, gaps } = table({ slotsMax: 100, closedUnackedMax: 1 });
    for (const id of [1, 2, 3]) slots.apply(opened(id));
    tellAll(slots, 1);
    for (const id of [1, 2, 3]) slots.apply(closed(id));
    expect(slots.pendingCount).toBe(3);
    expect(gaps.lostEvents).toBe(0);
  });

  test('live sockets come before closed ones when slots run out, then they are refused and counted', () => {
    const { slots, gaps } = table({ slotsMax: 2, closedUnackedMax: 10 });
    slots.apply(opened(1));
    slots.apply(closed(1));
    slots.apply(opened(2));
    slots.apply(opened(3));
    expect(gaps.lostEvents).toBe(1);
    slots.apply(opened(4));
    slots.apply(changed(4, { state: 'close-wait' }));
    slots.apply(closed(4));
    expect(gaps.lostEvents).toBe(2);
    expect(tellAll(slots, 1)).toEqual(['2 in slot 1', '3 in slot 0']);
    expect(gaps.take(1).map((gap) => gap.reason)).toEqual([
      'closed sockets had to be forgotten before the aggregator took them',
      'the socket table of the agent is full',
    ]);
  });

  test('knows in which namespaces it has sockets', () => {
    const { slots } = table();
    slots.apply(opened(1));
    slots.apply(opened(2, { netns: 7 }));
    slots.apply(closed(2, { netns: 7 }));
    expect([slots.hasNetns(netnsInode), slots.hasNetns(7)]).toEqual([true, true]);
    tellAll(slots, 1);
    slots.acknowledge(1);
    expect([slots.hasNetns(netnsInode), slots.hasNetns(7)]).toEqual([true, false]);
  });
});
