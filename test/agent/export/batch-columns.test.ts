/** Which of the two sections tells of counters: by what they have grown, or what they are. */
import { expect, test } from 'vitest';
import { BatchColumns } from '../../../agent/export/batch-columns.ts';
import { noCounters, type SocketCounters } from '../../../model/socket-counters.ts';
import { u32Max } from '../../../wire/packing.ts';

const told: SocketCounters = { bytesSent: 1000, bytesReceived: 2 ** 40, rttUs: 250, retransmits: 3 };

test.each<[string, Partial<SocketCounters>, SocketCounters | null, [number, number, number]]>([
  ['bytes of each way', { bytesSent: 1001, bytesReceived: 2 ** 40 + 7 }, told, [1, 7, 0]],
  ['a new round trip', { rttUs: 251 }, told, [0, 0, 251]],
  ['as much as a word holds', { bytesSent: 1000 + u32Max }, told, [u32Max, 0, 0]],
  [
    'the first of a slot',
    { bytesSent: 5, bytesReceived: 0, rttUs: 90, retransmits: 0 },
    noCounters,
    [5, 0, 90],
  ],
])('grown: %s', (_, changed, before, [sent, received, rttUs]) => {
  const columns = new BatchColumns();
  columns.count(9, { ...told, ...changed }, before);
  expect(columns.grown).toEqual({ slot: [9], sent: [sent], received: [received], rttUs: [rttUs] });
  expect(columns.counters.slot).toEqual([]);
});

test.each<[string, Partial<SocketCounters>, SocketCounters | null]>([
  ['bytes less than before', { bytesSent: 999 }, told],
  ['more than a word holds', { bytesReceived: 2 ** 40 + u32Max + 1 }, told],
  ['another number of retransmits', { retransmits: 4 }, told],
  ['a round trip that is not known any more', { rttUs: 0 }, told],
  ['the first of a slot, where that is too much', {}, noCounters],
  ['the first that an aggregator may know from before', { bytesReceived: 0, retransmits: 0 }, null],
])('as they are: %s', (_, changed, before) => {
  const columns = new BatchColumns();
  const counters = { ...told, ...changed };
  columns.count(9, counters, before);
  const { bytesSent, bytesReceived, rttUs, retransmits } = counters;
  expect(columns.counters).toEqual({
    slot: [9],
    sent: [bytesSent],
    received: [bytesReceived],
    rttUs: [rttUs],
    retransmits: [retransmits],
  });
  expect(columns.grown.slot).toEqual([]);
});
