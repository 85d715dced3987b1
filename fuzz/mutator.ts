/** Makes an input of others: a few small changes each, of kinds that have broken parsers before. */
import { pick, type Random } from './random.ts';
import { inputBytesMax } from './target.ts';

export interface Materials {
  /** Inputs that are worth changing; not empty. */
  readonly corpus: readonly Buffer[];
  readonly tokens: readonly Buffer[];
}

/** Most changes on top of each other; mostly there are few. */
const changesMax = 6;

/** Most times that a piece is repeated: enough to show what grows with the square. */
const repeatsMax = 2000;

type Change = (input: Buffer, random: Random, materials: Materials) => Buffer;

const changes: readonly Change[] = [
  flipBit,
  setByte,
  setNumber,
  changeNumber,
  setLength,
  cutOut,
  truncate,
  repeatPiece,
  insertToken,
  insertToken,
  overwriteWithToken,
  copyPiece,
  splice,
  changeDigits,
];

/** A new input; never longer than inputBytesMax. */
export function mutate(random: Random, materials: Materials): Buffer {
  let input = pick(random, materials.corpus);
  for (let left = 1 + random.below(1 + random.below(changesMax)); left > 0; left--) {
    input = pick(random, changes)(input, random, materials);
  }
  return input.subarray(0, inputBytesMax);
}

/** Numbers at which something ends, of any width; negative ones too. */
const interesting = [0, 1, 2, 3, 4, 7, 8, 12, 15, 16, 20, 31, 32, 63, 64, 127, 128, 129, 255, 256, 1024, 4095]
  .concat([4096, 32767, 32768, 65535, 65536, 2 ** 24, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])
  .flatMap((number) => [number, -number]);

function flipBit(input: Buffer, random: Random): Buffer {
  return changed(input, (bytes, at) => (bytes[at]! ^= 1 << random.below(8)), random);
}

function setByte(input: Buffer, random: Random): Buffer {
  return changed(input, (bytes, at) => (bytes[at] = random.below(256)), random);
}

function changed(input: Buffer, change: (bytes: Buffer, at: number) => void, random: Random): Buffer {
  const bytes = Buffer.from(input);
  if (bytes.length > 0) change(bytes, random.below(bytes.length));
  return bytes;
}

/** An interesting number of one, two, four or eight bytes, in either order. */
function setNumber(input: Buffer, random: Random): Buffer {
  return withNumber(input, random, () => pick(random, interesting));
}

/** A number that is there becomes a little more or less. */
function changeNumber(input: Buffer, random: Random): Buffer {
  return withNumber(input, random, (before) => before + random.below(33) - 16);
}

/** A number becomes what a length field there could be: that of all, of what follows, or one beside these. */
function setLength(input: Buffer, random: Random): Buffer {
  return withNumber(input, random, (_before, at) => {
    const length = pick(random, [input.length, input.length - at, input.length - at - 4]);
    return length + random.below(5) - 2;
  });
}

function withNumber(input: Buffer, random: Random, number: (before: number, at: number) => number): Buffer {
  const width = pick(random, [1, 2, 4, 8]);
  if (input.length < width) return input;
  const bytes = Buffer.from(input);
  const at = random.below(bytes.length - width + 1);
  const isLittle = random.below(2) === 0;
  const low = width === 8 ? 4 : width;
  const before = isLittle ? bytes.readUIntLE(at, low) : bytes.readUIntBE(at + width - low, low);
  const value = BigInt.asUintN(64, BigInt(number(before, at)));
  for (let i = 0; i < width; i++) {
    const byte = Number((value >> BigInt(8 * i)) & 0xffn);
    bytes[isLittle ? at + i : at + width - 1 - i] = byte;
  }
  return bytes;
}

function cutOut(input: Buffer, random: Random): Buffer {
  const [from, to] = piece(input, random);
  return Buffer.concat([input.subarray(0, from), input.subarray(to)]);
}

function truncate(input: Buffer, random: Random): Buffer {
  return input.subarray(0, random.below(input.length + 1));
}

function repeatPiece(input: Buffer, random: Random): Buffer {
  const [from, to] = piece(input, random);
  if (from === to) return input;
  const room = Math.floor(Math.max(0, inputBytesMax - input.length) / (to - from));
  const times = Math.min(1 + random.below(1 + random.below(1 + random.below(repeatsMax))), room);
  const repeated = Array.from({ length: times }, () => input.subarray(from, to));
  return Buffer.concat([input.subarray(0, to), ...repeated, input.subarray(to)]);
}

function insertToken(input: Buffer, random: Random, { tokens }: Materials): Buffer {
  if (tokens.length === 0) return input;
  const at = random.below(input.length + 1);
  return Buffer.concat([input.subarray(0, at), pick(random, tokens), input.subarray(at)]);
}

function overwriteWithToken(input: Buffer, random: Random, { tokens }: Materials): Buffer {
  if (tokens.length === 0) return input;
  const token = pick(random, tokens);
  const at = random.below(input.length + 1);
  return Buffer.concat([input.subarray(0, at), token, input.subarray(at + token.length)]);
}

/** A piece stands somewhere else too. */
function copyPiece(input: Buffer, random: Random): Buffer {
  const [from, to] = piece(input, random);
  const at = random.below(input.length + 1);
  return Buffer.concat([input.subarray(0, at), input.subarray(from, to), input.subarray(at)]);
}

/** The beginning of one input, and the end of another. */
function splice(input: Buffer, random: Random, { corpus }: Materials): Buffer {
  const other = pick(random, corpus);
  const from = random.below(other.length + 1);
  return Buffer.concat([input.subarray(0, random.below(input.length + 1)), other.subarray(from)]);
}

const numbers = ['0', '-1', '00', '1e3', '0x10', '65536', '4294967296', '9007199254740993', '1'.repeat(400)];

/** Digits of a text become others: the last digits that a number begins with are where one is found. */
function changeDigits(input: Buffer, random: Random): Buffer {
  const text = input.toString('latin1');
  const found = [...text.slice(0, 4096).matchAll(/\d+/g)];
  if (found.length === 0) return input;
  const { 0: digits, index } = pick(random, found);
  const changedText = `${text.slice(0, index)}${pick(random, numbers)}${text.slice(index + digits.length)}`;
  return Buffer.from(changedText, 'latin1');
}

function piece(input: Buffer, random: Random): [from: number, to: number] {
  const from = random.below(input.length + 1);
  return [from, from + random.below(Math.min(input.length - from, 1 + random.below(256)) + 1)];
}
