/** Records of the journal: each comes back as it was, and what is none is null, whatever its bytes are. */
import { describe, expect, it } from 'vitest';
import {
  decodeJournalRecord,
  encodeJournalRecord,
  type JournalRecord,
} from '../../../aggregator/journal/journal-record.ts';
import { fc } from '../../support/random-cases.ts';

const records: readonly JournalRecord[] = [
  { kind: 'start', atMs: 1_700_000_000_000 },
  {
    kind: 'stream',
    atMs: 1.5,
    stream: 7,
    hello: Buffer.from('hello'),
    clock: { guessMs: 3, samples: [[1, null]], last: { unixMs: 4, arrivedMs: 5 } },
  },
  { kind: 'message', atMs: 2, stream: 4_000_000_000, bytes: Buffer.from([1, 2, 3]) },
  { kind: 'end', atMs: 3, stream: 7 },
  { kind: 'lease', atMs: 4, hostId: 'h', state: 'lost' },
  { kind: 'gap', atMs: 5, hostId: '__proto__', gap: { fromMs: 1, toMs: 2, reason: 'x', lostEvents: 0 } },
];

const bytesOf = (record: JournalRecord): Buffer => Buffer.concat(encodeJournalRecord(record));

describe('journal records', () => {
  it.each(records)('$kind comes back', (record) => {
    expect(decodeJournalRecord(bytesOf(record))).toEqual(record);
  });

  it('of a kind that is not known are none', () => {
    expect(decodeJournalRecord(Buffer.concat([Buffer.from([99]), bytesOf(records[0]!).subarray(1)]))).toBe(
      null,
    );
    const gapless = JSON.stringify({ hostId: 'h', gap: { fromMs: 1 } });
    expect(
      decodeJournalRecord(Buffer.concat([bytesOf(records[5]!).subarray(0, 13), Buffer.from(gapless)])),
    ).toBe(null);
  });

  it('that are any bytes are a record or none, and never thrown', () => {
    const any = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));
    const kinds = fc.tuple(fc.integer({ min: 0, max: 8 }), any).map(([kind, bytes]) => {
      return Buffer.concat([Buffer.from([kind]), bytes]);
    });
    fc.assert(fc.property(kinds, (bytes) => void decodeJournalRecord(bytes)));
    for (const record of records) {
      const whole = bytesOf(record);
      for (let length = 0; length < whole.length; length++) decodeJournalRecord(whole.subarray(0, length));
    }
  });
});
