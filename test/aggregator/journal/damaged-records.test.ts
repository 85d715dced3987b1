/** Records of the journal and checkpoints whose sums hold and whose content does not: another version's, or a stranger's. */
import { expect, test } from 'vitest';
import { decodeCheckpoint } from '../../../aggregator/journal/checkpoint.ts';
import { decodeJournalRecord } from '../../../aggregator/journal/journal-record.ts';
import { encodeRecord, recordHeaderBytes } from '../../../disk/records.ts';

function journalRecord(kind: number, rest: string, atMs = 1): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt8(kind, 0);
  head.writeDoubleLE(atMs, 5);
  return Buffer.concat([head, Buffer.from(rest)]);
}

test.each([
  ['a lease without a host', journalRecord(5, '{"state":"lost"}')],
  ['a lease that ends in no state', journalRecord(5, '{"hostId":"h1","state":"live"}')],
  ['a gap without times', journalRecord(6, '{"hostId":"h1","gap":{"reason":"x"}}')],
  ['no object', journalRecord(6, 'null')],
  ['a stream without a clock', journalRecord(2, '\0\0\0\0null')],
  ['a stream with a clock of texts', journalRecord(2, '\0\0\0\0{"guessMs":"3","samples":[],"last":null}')],
  ['no time', journalRecord(1, '', Number.NaN)],
  ['another kind', journalRecord(9, '')],
])('no record of the journal: %s', (_what, bytes) => {
  expect(decodeJournalRecord(bytes)).toBeNull();
});

test('a lease', () => {
  expect(decodeJournalRecord(journalRecord(5, '{"hostId":"h1","state":"lost"}'))).toEqual({
    kind: 'lease',
    atMs: 1,
    hostId: 'h1',
    state: 'lost',
  });
});

function checkpointOf(...parts: readonly unknown[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      const json = Buffer.from(JSON.stringify(part));
      const framed = Buffer.alloc(recordHeaderBytes + json.length);
      encodeRecord([json], framed, 0);
      return framed;
    }),
  );
}

const head = { kind: 'head', value: { version: 1, segment: 3, atMs: 2, sinceMs: 1 } };
const end = { kind: 'end', value: { edges: 0, hosts: 0 } };

test.each([
  ['a list that is none', checkpointOf(head, { kind: 'edges' }, end)],
  ['a head without a segment', checkpointOf({ ...head, value: { version: 1, atMs: 2, sinceMs: 1 } }, end)],
  ['a head without times', checkpointOf({ ...head, value: { version: 1, segment: 3 } }, end)],
  ['no end', checkpointOf(head)],
])('no checkpoint: %s', (_what, bytes) => {
  expect(decodeCheckpoint(bytes)).toBe('damaged');
});

test('an empty checkpoint', () => {
  expect(decodeCheckpoint(checkpointOf(head, end))).toEqual({
    segment: 3,
    atMs: 2,
    sinceMs: 1,
    edges: [],
    hosts: [],
  });
});
