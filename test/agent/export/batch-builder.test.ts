/** Messages as the other end decodes them: rows, dictionaries, and where a message is cut. */
import { describe, expect, test } from 'vitest';
import { BatchBuilder } from '../../../agent/export/batch-builder.ts';
import { GapLedger } from '../../../agent/export/gap-ledger.ts';
import { SlotTable } from '../../../agent/export/slot-table.ts';
import type { AgentBatch } from '../../../wire/agent-batch.ts';
import { encodeAgentMessage } from '../../../wire/agent-message.ts';
import { messageFlags, neverLooked } from '../../../wire/protocol.ts';
import { decodeAgentMessage } from '../../support/decoded.ts';
import { plain } from '../../support/plain.ts';
import { changed, closed, netnsInode, netnsOf, opened, processOf, socketOf } from './sockets.ts';

function pipeline(targetBytes?: number) {
  const gaps = new GapLedger();
  const slots = new SlotTable(gaps, { slotsMax: 100_000, closedUnackedMax: 100 });
  const builder = new BatchBuilder(slots, gaps, targetBytes);
  builder.setNetns([netnsOf()]);
  return { gaps, slots, builder };
}

/** All messages that are due, from `seq` on, as the other end decodes them; those of the snapshot from seq 1 on. */
function buildAll(builder: BatchBuilder, seq: number, nowMs = 10_000): AgentBatch[] {
  if (seq === 1) builder.startSnapshot();
  const batches: AgentBatch[] = [];
  for (let batch = builder.build(seq, nowMs); batch !== null; batch = builder.build(++seq, nowMs)) {
    batches.push(plain(decodeAgentMessage(encodeAgentMessage(batch))));
  }
  return batches;
}

const both = messageFlags.snapshotBegin | messageFlags.snapshotEnd;

describe('BatchBuilder', () => {
  test('a host without sockets still has a snapshot', () => {
    const { builder } = pipeline();
    const batches = buildAll(builder, 1);
    expect(batches).toHaveLength(1);
    expect(batches[0]).toMatchObject({ seq: 1, flags: both, netns: [{ id: 1, netns: netnsOf() }] });
  });

  test('a row says what the socket is, relative to the time of the message', () => {
    const { slots, builder } = pipeline();
    slots.apply(opened(1, { owners: [{ process: processOf(8), fds: [4, 9] }] }));
    slots.apply({ ...opened(2), notBeforeMs: 0 } as ReturnType<typeof opened>);
    slots.apply(closed(2));
    const [batch] = buildAll(builder, 5);
    expect(batch!.opens).toMatchObject({
      slot: [0, 1],
      localAddress: [0x0a01118a, 0x0a01118a],
      remoteAddress: [0x0a016409, 0x0a016409],
      ports: [(1025 << 16) | 8743, (1026 << 16) | 8743],
      inode: [100_001, 100_002],
      process: [1, 2],
      fd: [4, 2],
      ageMs: [5000, 5000],
      unseenMs: [1000, neverLooked],
      id: [1, 2],
    });
    expect(batch!.owners).toEqual({ slot: [0], process: [1], fd: [9] });
    expect(batch!.closes).toEqual({ slot: [1], ageMs: [3000] });
    expect(batch!.processes.map(({ process }) => process)).toEqual([processOf(8), processOf(102)]);
  });

  test('a row with one IPv6 address has both in the dictionary', () => {
    const { slots, builder } = pipeline();
    const remote = { ip: '::', port: 0 };
    slots.apply(opened(1, { protocol: 'udp', state: 'unconnected', remote }));
    slots.apply(opened(2, { protocol: 'udp', state: 'unconnected', remote }));
    const [batch] = buildAll(builder, 1);
    expect(batch!.addresses).toEqual([
      { id: 1, ip: '10.1.17.138' },
      { id: 2, ip: '::' },
    ]);
    expect(batch!.opens.localAddress).toEqual([1, 1]);
    expect(batch!.opens.remoteAddress).toEqual([2, 2]);
  });

  test('after the snapshot only what is different is told', () => {
    const { slots, builder } = pipeline();
    for (const id of [1, 2, 3]) slots.apply(opened(id));
    buildAll(builder, 1);
    expect(buildAll(builder, 2)).toEqual([]);
    const owners = [{ process: processOf(101), fds: [1] }];
    slots.apply(changed(1, { state: 'close-wait', owners: socketOf(1).owners }));
    slots.apply(changed(2, { owners: [] }));
    slots.apply(changed(3, { owners: [...owners, { process: processOf(200), fds: [7] }], inode: 0 }));
    slots.apply(closed(3, { owners, inode: 0 }));
    const [batch] = buildAll(builder, 2);
    expect(batch).toMatchObject({
      seq: 2,
      flags: 0,
      opens: { slot: [] },
      updates: { slot: [0, 2], state: [8, 1], inode: [100_001, 0] },
      closes: { slot: [2], ageMs: [3000] },
    });
    expect(Array.from(batch!.reownedSlots)).toEqual([0, 1, 2]);
  });

  test('counters are told by growth where the aggregator has something to grow from', () => {
    const { slots, builder } = pipeline();
    const count = (id: number, bytesSent: number): void =>
      slots.apply({
        kind: 'counted',
        id,
        counters: { bytesSent, bytesReceived: 0, rttUs: 9, retransmits: 0 },
      });
    const told = (seq: number): object =>
      buildAll(builder, seq).map(({ counters, grown }) => ({
        are: Array.from(counters.slot, (slot, i) => [slot, counters.sent[i]]),
        grown: Array.from(grown.slot, (slot, i) => [slot, grown.sent[i]]),
      }));
    slots.apply(opened(1));
    slots.apply(opened(2));
    count(2, 50);
    expect(told(1)).toEqual([{ are: [], grown: [[1, 50]] }]);
    slots.apply(opened(3));
    slots.apply(changed(1, { state: 'close-wait' }));
    expect(told(2)).toEqual([{ are: [], grown: [] }]);
    slots.apply(changed(3, { state: 'close-wait' }));
    expect(told(3)).toEqual([{ are: [], grown: [] }]);
    // The first came with the snapshot and without counters: what an aggregator has of it may be of an earlier stream.
    for (const id of [1, 2, 3]) count(id, 70);
    expect(told(4)).toEqual([
      {
        are: [[0, 70]],
        grown: [
          [1, 20],
          [2, 70],
        ],
      },
    ]);
    for (const id of [1, 2, 3]) count(id, 75);
    builder.startSnapshot();
    expect(told(5)).toEqual([
      {
        are: [],
        grown: [
          [0, 75],
          [1, 75],
          [2, 75],
        ],
      },
    ]);
    count(1, 76);
    expect(told(6)).toEqual([{ are: [], grown: [[0, 1]] }]);
  });

  test('a snapshot is cut into messages near the target, and what happens meanwhile comes after its end', () => {
    const { slots, builder } = pipeline(20_000);
    for (let id = 1; id <= 1000; id++) slots.apply(opened(id));
    builder.startSnapshot();
    const first = builder.build(1, 10_000)!;
    expect(first.flags).toBe(messageFlags.snapshotBegin);
    slots.apply(opened(5000));
    slots.apply(changed(1, { state: 'close-wait' }));
    slots.apply(changed(1000, { state: 'close-wait' }));
    const rest = buildAll(builder, 2);
    const sizes = [first, ...rest].map((batch) => encodeAgentMessage(batch).length);
    expect(Math.max(...sizes)).toBeLessThan(20_000 + 500);
    const end = rest.findIndex((batch) => (batch.flags & messageFlags.snapshotEnd) !== 0);
    const snapshot = [first, ...rest.slice(0, end + 1)];
    expect(snapshot.flatMap((batch) => Array.from(batch.opens.id))).toEqual(
      Array.from({ length: 1000 }, (_, n) => n + 1),
    );
    // A change of what is not told yet is in its row; one of what is told follows.
    expect(snapshot.flatMap((batch) => Array.from(batch.updates.slot))).toEqual([]);
    expect(rest.slice(end + 1)).toMatchObject([{ flags: 0, opens: { id: [5000] }, updates: { slot: [0] } }]);
  });

  test('a socket with more owners than a message holds gets its dictionary over several', () => {
    const { slots, builder } = pipeline(20_000);
    const owners = Array.from({ length: 300 }, (_, n) => ({
      process: processOf(n + 1, { cmdline: 'x'.repeat(300) }),
      fds: [3],
    }));
    slots.apply(opened(1, { owners }));
    const batches = buildAll(builder, 1);
    expect(Math.max(...batches.map((batch) => encodeAgentMessage(batch).length))).toBeLessThan(25_000);
    expect(batches.flatMap((batch) => batch.processes)).toHaveLength(300);
    expect(batches.at(-1)!.opens.id).toEqual([1]);
    expect(batches.at(-1)!.owners.slot).toHaveLength(299);
  });

  test('processes that no socket has any more are dropped', () => {
    const { slots, builder } = pipeline();
    const openWith = (id: number): void =>
      slots.apply(opened(id, { owners: [{ process: processOf(id), fds: [3] }] }));
    for (let id = 1; id <= 255; id++) openWith(id);
    buildAll(builder, 1);
    for (let id = 2; id <= 255; id++) slots.apply(closed(id));
    expect(buildAll(builder, 2)).toMatchObject([{ droppedProcesses: [] }]);
    slots.acknowledge(2);
    openWith(256);
    const batches = buildAll(builder, 3);
    expect(batches).toHaveLength(2);
    expect(batches[0]!.processes.map(({ id }) => id)).toEqual([256]);
    expect(batches[1]!.droppedProcesses).toEqual(Array.from({ length: 254 }, (_, n) => n + 2));
    // A dropped one that comes back is defined anew.
    openWith(2);
    expect(buildAll(builder, 5)).toMatchObject([{ processes: [{ id: 257 }], opens: { process: [257] } }]);
  });

  test('a process that ran exec is another entry, and the rows before it keep theirs', () => {
    const { slots, builder } = pipeline();
    slots.apply(opened(1, { owners: [{ process: processOf(5), fds: [3] }] }));
    slots.apply(opened(2, { owners: [{ process: processOf(5, { comm: 'after' }), fds: [3] }] }));
    slots.apply(opened(3, { owners: [{ process: processOf(5), fds: [3] }] }));
    const [batch] = buildAll(builder, 1);
    expect(batch!.opens.process).toEqual([1, 2, 1]);
  });

  test('a namespace is told again when it changes, and dropped with its last socket', () => {
    const { slots, builder } = pipeline();
    slots.apply(opened(1, { netns: 7 }));
    builder.setNetns([netnsOf(), netnsOf(7, '10.0.0.1')]);
    buildAll(builder, 1);
    builder.setNetns([netnsOf(), netnsOf(7, '10.0.0.2')]);
    expect(buildAll(builder, 2)).toMatchObject([{ netns: [{ id: 2, netns: netnsOf(7, '10.0.0.2') }] }]);
    builder.setNetns([netnsOf()]);
    expect(buildAll(builder, 3)).toEqual([]);
    slots.apply(closed(1, { netns: 7 }));
    buildAll(builder, 3);
    slots.acknowledge(3);
    builder.setNetns([netnsOf()]);
    expect(buildAll(builder, 4)).toMatchObject([{ droppedNetns: [2] }]);
  });

  test('a namespace that no scan described is known by its inode', () => {
    const { slots, builder } = pipeline();
    slots.apply(opened(1, { netns: 99 }));
    const [batch] = buildAll(builder, 1);
    expect(batch!.netns.map(({ netns }) => netns.inode)).toEqual([netnsInode, 99]);
    expect(batch!.opens.netns).toEqual([2]);
  });

  test('gaps go out without rows', () => {
    const { gaps, builder } = pipeline();
    buildAll(builder, 1);
    gaps.unwatched('a scan failed', 1, 2);
    expect(buildAll(builder, 2)).toMatchObject([{ seq: 2, gaps: [{ id: 1, reason: 'a scan failed' }] }]);
  });
});
