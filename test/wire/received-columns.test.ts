/** Columns read from raw bytes beside proto-loader, which reads the same bytes in its own way. */
import { describe, expect, test } from 'vitest';
import { codingOf } from '../../wire/column-codings.ts';
import { columnNumbers, listNumbers } from '../../wire/column-numbers.ts';
import { MessageWalk } from '../../wire/message-walk.ts';
import { messageType } from '../../wire/proto-file.ts';
import { ReceivedColumns } from '../../wire/received-columns.ts';
import { messageDefinition } from '../support/proto-loader-messages.ts';
import { fc } from '../support/random-cases.ts';

const definition = messageDefinition('AgentMessage');
const columns = messageType('AgentMessage').fields.filter(
  ({ repeated, type }) => repeated && codingOf[type] !== undefined,
);
const u32 = fc.integer({ min: 0, max: 0xffffffff });
/** Near to where a varint grows by a byte, and any other. */
const edges = [0, 1, 63, 64, 127, 128, 8191, 8192, 16383, 16384, 2 ** 20, 2 ** 21, 2 ** 28, 2 ** 31 - 1];
const size = fc.oneof(fc.constantFrom(...edges), fc.nat(0x7fffffff));
const signed = fc.tuple(size, fc.boolean()).map(([value, isBelow]) => (isBelow ? -value - 1 : value));
const wide = fc.oneof(signed, fc.maxSafeNat());

/** What each type of column holds. */
const valuesOfType: Readonly<Record<string, fc.Arbitrary<number>>> = {
  fixed32: fc.oneof(size, u32),
  fixed64: fc.maxSafeNat(),
  sint32: signed,
  sint64: wide,
};

/** One field as an encoder may write it: a packed piece of a column, values one by one, or something else. */
const field: fc.Arbitrary<Buffer> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(...columns)
      .chain(({ name, number, type }) =>
        fc
          .tuple(fc.array(valuesOfType[type]!, { maxLength: 9 }), fc.boolean())
          .map(([values, isPacked]) => pieceOf(name, number, type, values, isPacked)),
      ),
  },
  fc.maxSafeNat().map((seq) => definition.serialize({ seq })),
  fc.string({ maxLength: 9 }).map((reason) => definition.serialize({ gaps: [{ reason, id: 7 }] })),
  fc.string({ maxLength: 9 }).map((comm) => definition.serialize({ processes: [{ comm, id: 7 }] })),
  // Of a later version.
  fc
    .uint8Array({ maxLength: 9 })
    .map((bytes) => Buffer.concat([key(2000, 2), Buffer.from([bytes.length]), bytes])),
  u32.map((value) => Buffer.concat([key(2001, 5), word(value)])),
);

const wireTypeOf: Readonly<Record<string, number>> = { fixed32: 5, fixed64: 1 };

function pieceOf(
  name: string,
  number: number,
  type: string,
  values: readonly number[],
  isPacked: boolean,
): Buffer {
  const packed = definition.serialize({ [name]: values });
  if (isPacked || values.length === 0) return packed;
  return Buffer.concat(
    values.flatMap((value) => {
      // Key of two bytes at most, length, and what one value takes.
      const one = definition.serialize({ [name]: [value] });
      const head = number < 16 ? 2 : 3;
      return [key(number, wireTypeOf[type] ?? 0), one.subarray(head)];
    }),
  );
}

function key(number: number, type: number): Buffer {
  const value = number * 8 + type;
  return Buffer.from(value < 0x80 ? [value] : [(value % 128) | 0x80, Math.floor(value / 128)]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** The column as proto-loader's values mean it. */
function meantBy(type: string, values: readonly number[]): number[] {
  let sum = 0;
  if (type === 'sint32') return values.map((step) => (sum = (sum + step) >>> 0));
  if (type === 'sint64') return values.map((step) => (sum += step));
  return [...values];
}

function walked(bytes: Buffer): { received: ReceivedColumns; walk: MessageWalk } {
  const received = new ReceivedColumns();
  const walk = new MessageWalk(received);
  walk.walk(bytes);
  return { received, walk };
}

describe('the columns of a message', () => {
  test('are what proto-loader reads, in whatever pieces and order they come', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 12 }), fc.nat(3), (fields, offset) => {
        // A message begins anywhere in what was received.
        const bytes = Buffer.concat([Buffer.alloc(offset), ...fields]).subarray(offset);
        const whole = definition.deserialize(bytes) as Record<string, number[]>;
        const { received, walk } = walked(bytes);
        for (const { name, number, type } of columns) {
          const values = meantBy(type, whole[name] ?? []);
          // Sums that are no exact double any more are refused later.
          if (type === 'sint64' && values.some((value) => !Number.isSafeInteger(value))) continue;
          expect([name, Array.from(received.read(number))]).toEqual([name, values]);
        }
        expect(walk.seq).toBe(whole['seq'] ?? 0);
        expect(walk.processes).toHaveLength(2 * (whole['processes']?.length ?? 0));
        const rest = definition.deserialize(walk.rest() ?? Buffer.alloc(0)) as Record<string, unknown>;
        expect(rest['gaps']).toEqual(whole['gaps']);
        for (const { name } of columns) expect(rest[name]).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('that rise by a byte are read as any others, and what does not is left to those', () => {
    const { slot } = columnNumbers.closes;
    const step = fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 1, max: 63 }) },
      fc.constantFrom(-1, 0, 64),
    );
    const first = fc.oneof(fc.nat((1 << 20) - 1), signed);
    fc.assert(
      fc.property(first, fc.array(step, { maxLength: 9 }), (start, further) => {
        const { received } = walked(definition.serialize({ closeSlotStep: [start, ...further] }));
        const values = meantBy('sint32', [start, ...further]);
        const rises = further.every((each) => each > 0 && each < 64);
        const isRising = start >= 0 && rises && values.at(-1)! < 2 ** 31;
        const rising = received.readRising(slot);
        expect(rising === null ? null : Array.from(rising)).toEqual(isRising ? values : null);
        expect(Array.from(received.read(slot))).toEqual(values);
      }),
      { numRuns: 500 },
    );
    const cutOff = walked(Buffer.from('820603028280', 'hex')).received;
    expect(cutOff.readRising(slot)).toBeNull();
  });

  test('have the numbers of the proto file, each once', () => {
    const numbers = [
      ...Object.values(columnNumbers).flatMap((section) => Object.values(section)),
      ...Object.values(listNumbers),
    ];
    expect(numbers.toSorted((a, b) => a - b)).toEqual(
      columns.map(({ number }) => number).toSorted((a, b) => a - b),
    );
    const nameOf = (number: number) => columns.find((column) => column.number === number)!.name;
    const prefixes = { opens: 'open', closes: 'close', updates: 'update', owners: 'owner', nat: 'nat' };
    const further = { stages: 'stage', counters: 'counter', grown: 'grown' };
    for (const [section, prefix] of Object.entries({ ...prefixes, ...further })) {
      for (const [name, number] of Object.entries(columnNumbers[section as keyof typeof columnNumbers])) {
        const plainName = `${prefix}${name[0]!.toUpperCase()}${name.slice(1)}`;
        expect([plainName, `${plainName}Step`]).toContain(nameOf(number));
      }
    }
  });

  test('of thousands of pieces are read in one go', () => {
    const one = Buffer.concat([
      definition.serialize({ closeSlotStep: [1] }),
      definition.serialize({ grownSent: [7] }),
    ]);
    const { received } = walked(Buffer.concat(Array<Buffer>(50_000).fill(one)));
    expect(Array.from(received.read(columnNumbers.closes.slot).slice(-2))).toEqual([49_999, 50_000]);
    expect(received.read(columnNumbers.grown.sent)).toHaveLength(50_000);
  });

  test.each([
    ['80', 'it ends within a number'],
    ['8080808080808080808001', 'a number is too long'],
    ['0880808080808080808080ff', 'a number is too long'],
    ['920105aabbcc', 'a field claims more bytes than there are'],
    ['920103aabbcc', 'openRemoteAddress has 3 bytes'],
    ['920103aabbcc920105aabbccddee', 'openRemoteAddress has 3 bytes'],
    ['8a0404aabbccdd', 'counterSent has 4 bytes'],
    ['82060180', 'closeSlotStep ends within a number'],
    ['8206020280', 'closeSlotStep ends within a number'],
    ['8206018082060101', 'closeSlotStep ends within a number'],
    ['820602ffff0801', 'closeSlotStep ends within a number'],
    ['8206' + '0bffffffffffffffffffff01', 'closeSlotStep has a number that does not end'],
    ['d205' + '0bffffffffffffffffffff01', 'openIdStep has a number that does not end'],
    ['9501aabb', 'a field claims more bytes than there are'],
    ['0b', 'a field has wire type 3'],
    ['0e', 'a field has wire type 6'],
  ])('refuses %s: %s', (hex, why) => {
    const bytes = Buffer.from(hex, 'hex');
    const readAll = (): void => {
      const { received } = walked(bytes);
      for (const { number } of columns) received.read(number);
    };
    expect(readAll).toThrow(`not-a-message: ${bytes.length} bytes are no AgentMessage (${why})`);
  });
});
