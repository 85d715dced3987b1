/**
 * The little BTF that the kernel wants for a program with callbacks: which of its functions begins where, and what it
 * takes. Layout: btf.ts; each number below is one u32.
 *
 *     [1] u64   [2] void *   [3] u64 (void *)   [4] u64 (u64, void *)   [5] main: [3]   [6] ... callbacks: [4]
 */
import { btfKinds, btfMagic } from './btf.ts';

const ids = { u64: 1, pointer: 2, mainType: 3, callbackType: 4, main: 5 } as const;

/** struct btf_header. */
const headerBytes = 24;

/** @param callbacks their names, in the order of callbackPlaces */
export function callbackTypes(callbacks: readonly string[]): Buffer {
  const strings = `\0${['u64', 'main', 'index', 'context', ...callbacks].map((text) => `${text}\0`).join('')}`;
  const nameOffset = (name: string): number => (name === '' ? 0 : strings.indexOf(`\0${name}\0`) + 1);
  /** struct btf_type. */
  const type = (name: string, kind: number, entries: number, sizeOrType: number): number[] => [
    nameOffset(name),
    (kind << 24) | entries,
    sizeOrType,
  ];
  /** struct btf_param. */
  const parameter = (name: string, typeId: number): number[] => [nameOffset(name), typeId];
  const types = encodeWords([
    [...type('u64', btfKinds.int, 0, 8), 64],
    type('', btfKinds.pointer, 0, 0),
    [...type('', btfKinds.funcPrototype, 1, ids.u64), ...parameter('context', ids.pointer)],
    [
      ...type('', btfKinds.funcPrototype, 2, ids.u64),
      ...parameter('index', ids.u64),
      ...parameter('context', ids.pointer),
    ],
    type('main', btfKinds.func, 0, ids.mainType),
    ...callbacks.map((name) => type(name, btfKinds.func, 0, ids.callbackType)),
  ]);
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16LE(btfMagic, 0);
  header.writeUInt8(1, 2);
  header.writeUInt32LE(headerBytes, 4);
  header.writeUInt32LE(types.length, 12);
  header.writeUInt32LE(types.length, 16);
  header.writeUInt32LE(strings.length, 20);
  return Buffer.concat([header, types, Buffer.from(strings, 'latin1')]);
}

/**
 * struct bpf_func_info, 8 bytes each: u32 index of the function's first instruction, u32 its type. The program itself
 * begins at 0.
 *
 * @param starts of the callbacks, ascending
 */
export function callbackPlaces(starts: readonly number[]): Buffer {
  return encodeWords([[0, ids.main], ...starts.map((start, i) => [start, ids.main + 1 + i])]);
}

function encodeWords(rows: readonly (readonly number[])[]): Buffer {
  const words = rows.flat();
  const bytes = Buffer.alloc(words.length * 4);
  for (const [i, word] of words.entries()) bytes.writeUInt32LE(word, i * 4);
  return bytes;
}
