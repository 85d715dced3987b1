/**
 * Functions of WebAssembly, written as expressions: what little of it the passes over memory need (pass-memory.ts). All is of
 * 32 bits, but for what `load64` reads. There are no calls, and the one memory comes from whoever runs them.
 *
 * An expression is its bytes, which stand in the order in which the machine runs them: first what an instruction takes, then
 * the instruction. A number stands for a constant. The numbers below are those of the specification's binary format.
 */

/** Bytes of instructions. */
export type Code = readonly number[];

export type Value = Code | Local | number;

/** A variable of a function, or one of its arguments. */
export interface Local {
  readonly get: Code;
  set(value: Value): Code;
}

export interface WasmFunction {
  readonly argumentCount: number;
  /** Types of the locals behind the arguments. */
  readonly localTypes: readonly number[];
  /** Leaves the result, an i32. */
  readonly body: Code;
}

const i32 = 0x7f;
const i64 = 0x7e;
const functionType = 0x60;
const noResult = 0x40;
const end = 0x0b;
/** `\0asm`, version 1. */
const magic: Code = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const sharedWithMaximum = 3;

/** 2^16 bytes each, of which an address of 32 bits reaches so many. */
export const pagesMax = 1 << 16;
export const pageBytes = 1 << 16;

/** What the module calls its memory, which it imports from a module of the same name. */
export const memoryName = 'memory';

/** @param body makes it of its arguments, and of as many locals as it asks for, which are 0 when it begins */
export function wasmFunction<Name extends string>(
  names: readonly Name[],
  body: (args: Readonly<Record<Name, Local>>, local: () => Local, local64: () => Local) => readonly Code[],
): WasmFunction {
  const localTypes: number[] = [];
  const local = (type: number) => (): Local => localAt(names.length + localTypes.push(type) - 1);
  const args = Object.fromEntries(names.map((name, i) => [name, localAt(i)])) as Record<Name, Local>;
  return { argumentCount: names.length, body: body(args, local(i32), local(i64)).flat(), localTypes };
}

function localAt(index: number): Local {
  return {
    get: [0x20, ...unsigned(index)],
    set: (value) => [...codeOf(value), 0x21, ...unsigned(index)],
  };
}

const binary =
  (opcode: number) =>
  (left: Value, right: Value): Code => [...codeOf(left), ...codeOf(right), opcode];

export const add = binary(0x6a);
export const subtract = binary(0x6b);
export const or = binary(0x72);
export const xor = binary(0x73);
export const shiftLeft = binary(0x74);
/** Shifts zeros in. */
export const shiftRight = binary(0x76);

/** 1 where it holds, else 0. Operands are unsigned. */
export const equal = binary(0x46);
export const differ = binary(0x47);
export const less = binary(0x49);
export const atLeast = binary(0x4f);

/** The word at an address, in bytes. */
export function load(address: Value, offset = 0): Code {
  return [...codeOf(address), 0x28, 2, ...unsigned(offset)];
}

/** Two words at once; see low and high. */
export function load64(address: Value, offset = 0): Code {
  return [...codeOf(address), 0x29, 2, ...unsigned(offset)];
}

export function low(value: Value): Code {
  return [...codeOf(value), 0xa7];
}

export function high(value: Value): Code {
  return low([...codeOf(value), 0x42, ...signed(32), 0x88]);
}

export function store(address: Value, value: Value, offset = 0): Code {
  return [...codeOf(address), ...codeOf(value), 0x36, 2, ...unsigned(offset)];
}

/** One of two values, without a branch. */
export function choose(condition: Value, then: Value, otherwise: Value): Code {
  return [...codeOf(then), ...codeOf(otherwise), ...codeOf(condition), 0x1b];
}

/** Runs the body, and again for as long as the condition holds after it. */
export function repeatWhile(condition: Value, ...body: readonly Code[]): Code {
  return [0x03, noResult, ...body.flat(), ...codeOf(condition), 0x0d, 0, end];
}

/** Runs the body for as long as the condition holds before it. */
export function loopWhile(condition: Value, ...body: readonly Code[]): Code {
  return [...codeOf(condition), 0x04, noResult, ...repeatWhile(condition, ...body), end];
}

/** A module that exports these functions under their names. */
export function encodeModule(functions: Readonly<Record<string, WasmFunction>>): Uint8Array<ArrayBuffer> {
  const names = Object.keys(functions);
  const all = Object.values(functions);
  return Uint8Array.from([
    ...magic,
    ...section(1, all.map(typeOf)),
    ...section(2, [
      [...text(memoryName), ...text(memoryName), 2, sharedWithMaximum, 0, ...unsigned(pagesMax)],
    ]),
    ...section(
      3,
      all.map((_, i) => unsigned(i)),
    ),
    ...section(
      7,
      names.map((name, i) => [...text(name), 0, ...unsigned(i)]),
    ),
    ...section(10, all.map(encodeBody)),
  ]);
}

function typeOf({ argumentCount }: WasmFunction): Code {
  const args = Array.from({ length: argumentCount }, () => i32);
  return [functionType, ...unsigned(argumentCount), ...args, 1, i32];
}

function encodeBody({ localTypes, body }: WasmFunction): Code {
  const locals = localTypes.flatMap((type) => [1, type]);
  return sized([...unsigned(localTypes.length), ...locals, ...body, end]);
}

function section(id: number, entries: readonly Code[]): Code {
  return [id, ...sized([...unsigned(entries.length), ...entries.flat()])];
}

function sized(bytes: Code): Code {
  return [...unsigned(bytes.length), ...bytes];
}

function text(ascii: string): Code {
  return sized([...Buffer.from(ascii)]);
}

function codeOf(value: Value): Code {
  if (typeof value === 'number') return [0x41, ...signed(value)];
  return 'get' in value ? value.get : value;
}

/** LEB128. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  const isLast = value >= -0x40 && value < 0x40;
  return isLast ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}
