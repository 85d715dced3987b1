/** The walk over raw bytes beside proto-loader, which reads the same bytes in its own way. */
import { describe, expect, test } from 'vitest';
import { walkColumns } from '../../wire/column-walk.ts';
import { messageDefinition } from '../support/proto-loader-messages.ts';
import { fc } from '../support/random-cases.ts';

const definition = messageDefinition('AgentMessage');
const u32 = fc.integer({ min: 0, max: 0xffffffff });

/** Columns of 4 and 8 bytes, and fields that are none; the numbers of the proto file. */
const columns = [
  { name: 'droppedProcesses', number: 10, bytes: 4 },
  { name: 'openSlot', number: 16, bytes: 4 },
  { name: 'openId', number: 28, bytes: 8 },
  { name: 'ownerFd', number: 51, bytes: 4 },
  { name: 'counterSent', number: 65, bytes: 8 },
] as const;

/** One field as an encoder may write it: a packed chunk, values one by one, or something else. */
const field: fc.Arbitrary<Buffer> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.constantFrom(...columns), fc.array(u32, { maxLength: 9 }), fc.boolean())
      .map(([column, values, isPacked]) =>
        column.bytes === 4
          ? column4(column.number, values, isPacked)
          : column8(column.number, values, isPacked),
      ),
  },
  fc.maxSafeNat().map((seq) => definition.serialize({ seq })),
  fc.string({ maxLength: 9 }).map((reason) => definition.serialize({ gaps: [{ reason, id: 7 }] })),
  // Of a later version.
  fc
    .uint8Array({ maxLength: 9 })
    .map((bytes) => Buffer.concat([key(2000, 2), Buffer.from([bytes.length]), bytes])),
  u32.map((value) => Buffer.concat([key(2001, 5), word(value)])),
);

function key(number: number, type: number): Buffer {
  return varint(number * 8 + type);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  return Buffer.from([...bytes, value]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function column4(number: number, values: readonly number[], isPacked: boolean): Buffer {
  if (!isPacked) return Buffer.concat(values.flatMap((value) => [key(number, 5), word(value)]));
  return Buffer.concat([key(number, 2), varint(values.length * 4), ...values.map(word)]);
}

/** Values below 2^53. */
function column8(number: number, values: readonly number[], isPacked: boolean): Buffer {
  const words = values.map((value) => Buffer.concat([word(value), word(value % 2 ** 21)]));
  if (!isPacked) return Buffer.concat(words.flatMap((bytes) => [key(number, 1), bytes]));
  return Buffer.concat([key(number, 2), varint(values.length * 8), ...words]);
}

describe('the walk', () => {
  test('reads what proto-loader reads, in whatever pieces and order it comes', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 12 }), fc.nat(3), (fields, offset) => {
        // A message begins anywhere in what was received.
        const bytes = Buffer.concat([Buffer.alloc(offset), ...fields]).subarray(offset);
        const whole = definition.deserialize(bytes) as Record<string, unknown>;
        const walked = walkColumns(bytes);
        const rest = definition.deserialize(walked.rest) as Record<string, unknown>;
        const found = Object.fromEntries(
          Array.from(walked.columns, ([name, values]) => [name, Array.from(values)]),
        );
        expect({ ...withoutEmpty(rest), ...found }).toEqual(withoutEmpty(whole));
        for (const { name } of columns) expect(rest[name] ?? []).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['80', 'it ends within a number'],
    ['8080808080808080808001', 'a number is too long'],
    ['0880808080808080808080ff', 'a number is too long'],
    ['820105aabbcc', 'a field claims more bytes than there are'],
    ['820103aabbcc', 'openSlot has 3 bytes'],
    ['e20104aabbccdd', 'openId has 4 bytes'],
    ['8501aabb', 'a field claims more bytes than there are'],
    ['0b', 'a field has wire type 3'],
    ['0e', 'a field has wire type 6'],
  ])('refuses %s: %s', (hex, why) => {
    const bytes = Buffer.from(hex, 'hex');
    expect(() => walkColumns(bytes)).toThrow(
      `not-a-message: ${bytes.length} bytes are no AgentMessage (${why})`,
    );
  });
});

function withoutEmpty(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => !Array.isArray(value) || value.length > 0),
  );
}
