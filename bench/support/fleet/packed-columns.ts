/** Encodes columns of an AgentMessage from typed arrays, without an object per value: one agent of a thousand must be cheap. */
import { messageType } from '../../../wire/proto-file.ts';

/** Words of 32 bits, or whole numbers below 2^53 for columns of 64. */
export type ColumnValues = Int32Array | Uint32Array | Float64Array;

/** Of the fields of AgentMessage, by their names in camelCase. */
export function fieldNumbers(): ReadonlyMap<string, number> {
  return new Map(messageType('AgentMessage').fields.map(({ name, number }) => [name, number]));
}

/** The columns as packed fields, one after the other. Empty ones are left out. Throws for a name that no field has. */
export function packColumns(
  columns: Readonly<Record<string, ColumnValues>>,
  numbers: ReadonlyMap<string, number>,
): Buffer {
  const pieces: Buffer[] = [];
  for (const [name, values] of Object.entries(columns)) {
    if (values.length === 0) continue;
    const bytes = bytesOf(values);
    pieces.push(
      Buffer.from([...varint((numberOf(name, numbers) << 3) | packed), ...varint(bytes.length)]),
      bytes,
    );
  }
  return Buffer.concat(pieces);
}

/** Fields that hold a number each, with their names. */
export function packNumbers(
  values: Readonly<Record<string, number>>,
  numbers: ReadonlyMap<string, number>,
): Buffer {
  return Buffer.from(
    Object.entries(values).flatMap(([name, value]) => [
      ...varint(numberOf(name, numbers) << 3),
      ...varint(value),
    ]),
  );
}

function numberOf(name: string, numbers: ReadonlyMap<string, number>): number {
  const number = numbers.get(name);
  if (number === undefined) throw new Error(`AgentMessage has no field ${name}`);
  return number;
}

/** Wire type of what has a length. */
const packed = 2;

function bytesOf(values: ColumnValues): Buffer {
  const words = values instanceof Float64Array ? wordPairs(values) : values;
  return Buffer.from(words.buffer, words.byteOffset, words.byteLength);
}

/** The low word first, as this machine has it and the wire wants it. */
function wordPairs(values: Float64Array): Uint32Array {
  const words = new Uint32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    words[2 * i] = values[i]!;
    words[2 * i + 1] = Math.floor(values[i]! / 2 ** 32);
  }
  return words;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  for (; left > 0x7f; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80);
  return [...bytes, left];
}
