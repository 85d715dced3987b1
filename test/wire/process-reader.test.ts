/** Definitions of processes read from raw bytes beside proto-loader. */
import { expect, test } from 'vitest';
import { noContainer } from '../../model/container.ts';
import { ProcessReader, processNumbers } from '../../wire/process-reader.ts';
import { messageType } from '../../wire/proto-file.ts';
import type { WireError } from '../../wire/wire-error.ts';
import { messageDefinition } from '../support/proto-loader-messages.ts';
import { fc } from '../support/random-cases.ts';

const definition = messageDefinition('ProcessDefinition');
const reader = new ProcessReader();
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const text = fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: 'grapheme', maxLength: 30 }));
const names = messageType('ProcessDefinition').fields.filter(({ type }) => type === 'string');
const fields = fc.record(
  {
    pid: u32,
    startTicks: fc.maxSafeNat(),
    uid: u32,
    ...Object.fromEntries(names.map(({ name }) => [name, text])),
  },
  { requiredKeys: [] },
);
/** Field 100, of a later version. */
const later = Buffer.from('a206020102', 'hex');

test('what is read is what proto-loader reads, wherever it stands', () => {
  fc.assert(
    fc.property(fields, u32, fields, fc.nat(9), (first, id, second, offset) => {
      // The last of a field that comes twice counts.
      const own = Buffer.concat([
        definition.serialize({ ...first, id: id || 1 }),
        later,
        definition.serialize(second),
      ]);
      const bytes = Buffer.concat([Buffer.alloc(offset + 1, 'ä'), own, Buffer.alloc(3, 'ö')]);
      const { id: readId, ...process } = definition.deserialize(own) as Record<string, unknown>;
      const absent = Object.fromEntries(names.map(({ name }) => [name, null]));
      expect(reader.read(bytes, offset + 1, offset + 1 + own.length)).toEqual({
        id: readId,
        process: { ...noContainer, ...absent, pid: 0, startTicks: 0, uid: 0, comm: '', ...process },
      });
    }),
  );
});

test('has the numbers of the proto file', () => {
  const listed = messageType('ProcessDefinition').fields.map(({ name, number }) => [name, number]);
  expect(processNumbers).toEqual(Object.fromEntries(listed));
});

test.each([
  ['08', 'not-a-message', '1 bytes are no AgentMessage (it ends within a number)'],
  ['080122', 'not-a-message', '3 bytes are no AgentMessage (it ends within a number)'],
  ['08012205aa', 'not-a-message', '5 bytes are no AgentMessage (a field claims more bytes than there are)'],
  ['080b0b', 'not-a-message', '3 bytes are no AgentMessage (a field has wire type 3)'],
  ['1005', 'bad-number', 'process definition has id 0'],
  [
    '080118ffffffffffffffff7f',
    'bad-number',
    'start_ticks is 9223372036854776000, not a whole number below 2^53',
  ],
])('refuses %s: %s, %s', (hex, code, reason) => {
  const bytes = Buffer.from(hex, 'hex');
  let refused: Pick<WireError, 'code' | 'reason'> | null = null;
  try {
    reader.read(bytes, 0, bytes.length);
  } catch (error) {
    refused = error as WireError;
  }
  expect([refused?.code, refused?.reason]).toEqual([code, reason]);
});
