/** Every message of the proto file, there and back, beside proto-loader; and bytes that are none. */
import { describe, expect, test } from 'vitest';
import { decodeMessage } from '../../wire/message-decoder.ts';
import { encodeMessage } from '../../wire/message-encoder.ts';
import type { MessageField, MessageType } from '../../wire/message-type.ts';
import { messageType, parsedTable } from '../../wire/proto-file.ts';
import { messageDefinition } from '../support/proto-loader-messages.ts';
import { fc } from '../support/random-cases.ts';

const names = Object.keys(parsedTable().messages);
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 20 }), fc.constantFrom('', 'ab\u0000'));
const mapKey = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', '7'));

/** Numbers close to where an encoding grows by a byte, and any other. */
function numbersUpTo(max: number): fc.Arbitrary<number> {
  const edges = [0, 1, 127, 128, 16383, 16384, 2 ** 28, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 35 - 1, 2 ** 35];
  const any = max === Number.MAX_SAFE_INTEGER ? fc.maxSafeNat() : fc.integer({ min: 0, max });
  return fc.oneof(any, fc.constantFrom(...edges.filter((edge) => edge <= max), max));
}

function valuesOf({ type, messageType: held }: MessageField): fc.Arbitrary<unknown> {
  switch (type) {
    case 'uint32':
    case 'fixed32':
      return numbersUpTo(0xffffffff);
    case 'uint64':
    case 'fixed64':
      return numbersUpTo(Number.MAX_SAFE_INTEGER);
    case 'sint32':
      return numbersUpTo(0x7fffffff).chain((size) => fc.constantFrom(size, -size - 1));
    case 'sint64':
      return numbersUpTo(Number.MAX_SAFE_INTEGER).chain((size) => fc.constantFrom(size, -size));
    case 'double':
      return fc.double();
    case 'bool':
      return fc.boolean();
    case 'bytes':
      return fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes));
    case 'map':
      return fc.dictionary(mapKey, text, { maxKeys: 4 });
    case 'message':
      return fieldsOf(held!);
    default:
      return text;
  }
}

/** Any of its fields, each absent, undefined or null as well. */
function fieldsOf({ fields }: MessageType): fc.Arbitrary<Record<string, unknown>> {
  const model = fields.map((field): [string, fc.Arbitrary<unknown>] => {
    const value = valuesOf(field);
    const present = field.repeated ? fc.array(value, { maxLength: 4 }) : value;
    return [field.name, fc.oneof({ weight: 4, arbitrary: present }, fc.constantFrom(undefined, null))];
  });
  return fc.record(Object.fromEntries(model), { requiredKeys: [] });
}

describe.each(names)('%s', (name) => {
  const type = messageType(name);
  const definition = messageDefinition(name);

  test('is encoded to the bytes of proto-loader, and decoded as it does', () => {
    fc.assert(
      fc.property(fieldsOf(type), (fields) => {
        const bytes = encodeMessage(type, fields);
        expect(bytes.toString('hex')).toBe(definition.serialize(fields).toString('hex'));
        expect(decodeMessage(type, bytes)).toEqual(definition.deserialize(bytes));
      }),
      { numRuns: 25 },
    );
  });

  test('of damaged bytes is refused as such, or is something', () => {
    fc.assert(
      fc.property(fieldsOf(type), fc.nat(), fc.nat(255), fc.nat(), (fields, at, byte, cut) => {
        const bytes = encodeMessage(type, fields);
        if (bytes.length > 0) bytes[at % bytes.length] = byte;
        expectRefusedOrRead(type, bytes);
        expectRefusedOrRead(type, bytes.subarray(0, cut % (bytes.length + 1)));
      }),
      { numRuns: 25 },
    );
  });
});

function expectRefusedOrRead(type: MessageType, bytes: Buffer): void {
  try {
    expect(decodeMessage(type, bytes)).toBeTypeOf('object');
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
  }
}

/** Bytes in hex; the spaces are for the reader. */
const bytesOf = (hex: string): Buffer => Buffer.from(hex.replaceAll(' ', ''), 'hex');

describe('what other encoders write', () => {
  test.each([
    [
      'lists one by one, packed, and in several pieces',
      'End',
      '60 07  62 02 08 09  60 0a',
      { fds: [7, 8, 9, 10] },
    ],
    [
      'fixed words one by one',
      'AgentMessage',
      '95 01 01000000  95 01 02000000',
      { openRemoteAddress: [1, 2] },
    ],
    ['zigzag numbers one by one', 'AgentMessage', '80 06 05  80 06 04', { closeSlotStep: [-3, 2] }],
    [
      'fields of a later version, of each wire type',
      'Ack',
      'f801 ac02  fa01 01 00  fd01 00000000  f901 0000000000000000  08 05',
      { appliedSeq: 5 },
    ],
    ['a field under another wire type', 'Ack', '0a 01 07  0d 00000000  10 06', { durableSeq: 6 }],
    ['the last of a field that comes twice', 'Ack', '08 05  08 06', { appliedSeq: 6 }],
    ['a number of 32 bits in ten bytes', 'QueryRequest', '18 ffffffffffffffffff01', { limit: 0xffffffff }],
    ['map entries without key or value', 'Hello', '32 00', { labels: { '': '' } }],
  ])('%s', (_, name, hex, fields) => {
    expect(decodeMessage(messageType(name), bytesOf(hex))).toMatchObject(fields);
  });

  test.each([
    ['a number that does not end', 'Ack', '08 ff', 'it ends within a number'],
    ['a number of eleven bytes', 'Ack', '08 ffffffffffffffffffff01', 'a number is too long'],
    ['a length beyond the message', 'QueryRequest', '0a 05 61', 'a length of 5 goes beyond the end'],
    [
      'a length beyond the inner message',
      'ServerMessage',
      '1a 03 12 05 61 6262626262',
      'a length of 5 goes beyond the end',
    ],
    ['a number beyond the inner message', 'ServerMessage', '12 02 08 80 01', 'a number goes beyond the end'],
    ['a number beyond a packed list', 'End', '62 01 80 01', 'a number goes beyond the end'],
    ['a number beyond a map entry', 'Hello', '32 02 18 80 01', 'a number goes beyond the end'],
    ['half a word', 'AgentMessage', '92 01 02 0100', 'it ends within a field'],
    ['half a double', 'Host', '49 00000000', 'it ends within a field'],
    ['a group', 'Ack', '1b 1c', 'a field has wire type 3'],
  ])('refused: %s', (_, name, hex, why) => {
    expect(() => decodeMessage(messageType(name), bytesOf(hex))).toThrow(new RangeError(why));
  });
});

/** Written from the end, so that the filler is there first. */
describe('wherever the memory has to grow', () => {
  const ip = Buffer.alloc(16, 9);
  const numbers = { clockOffsetMs: -1.5, lostEvents: 2 ** 40, connections: 300 };
  const cases: [string, (length: number) => object][] = [
    ['Host', (length) => ({ ...numbers, labels: { key: 'value' }, agentVersion: 'x'.repeat(length) })],
    [
      'AgentMessage',
      (length) => ({
        seq: 7,
        addresses: [
          { id: 1, ip },
          { id: 2, ip: Buffer.alloc(length) },
        ],
      }),
    ],
    [
      'AgentMessage',
      (length) => ({ openIdStep: Array.from({ length }, (_, i) => (i % 2 === 0 ? 2 ** 50 : -i)) }),
    ],
    [
      'AgentMessage',
      (length) => ({ openPorts: [1, 2, 3], counterSent: Array.from({ length }, () => 2 ** 50) }),
    ],
  ];
  test.each(cases)('%s', (name, fieldsWith) => {
    const type = messageType(name);
    const definition = messageDefinition(name);
    for (let length = 0; length < 530; length++) {
      const fields = fieldsWith(length);
      expect(encodeMessage(type, fields).equals(definition.serialize(fields))).toBe(true);
    }
  });
});

test('half of a surrogate pair goes out as the replacement character, since a text is UTF-8', () => {
  const type = messageType('Resync');
  expect(decodeMessage(type, encodeMessage(type, { reason: 'a\ud800b' }))).toEqual({ reason: 'a\ufffdb' });
});

test('a message keeps only the memory that it fills', () => {
  const bytes = encodeMessage(messageType('AgentMessage'), {
    openPorts: Array.from({ length: 9000 }, (_, i) => i),
  });
  expect(bytes.length).toBe(36_005);
  expect(bytes.buffer.byteLength).toBe(36_005);
});
