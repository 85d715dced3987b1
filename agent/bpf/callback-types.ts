/**
 * The little BTF that the kernel wants for a program with a callback: which of its functions begins where, and what it
 * takes. Layout: btf.ts; each number below is one u32.
 *
 *     [1] u64   [2] void *   [3] u64 (void *)   [4] scan: [3]   [5] u64 (u64, void *)   [6] walk: [5]
 */
import { btfKinds, btfMagic } from './btf.ts';

const strings = '\0u64\0scan\0walk\0index\0context\0';

const ids = { u64: 1, pointer: 2, scanType: 3, scan: 4, walkType: 5, walk: 6 } as const;

/** struct btf_header. */
const headerBytes = 24;

export function callbackTypes(): Buffer {
  const types = encodeWords([
    [...type('u64', btfKinds.int, 0, 8), 64],
    type('', btfKinds.pointer, 0, 0),
    [...type('', btfKinds.functionPrototype, 1, ids.u64), ...parameter('context', ids.pointer)],
    type('scan', btfKinds.function, 0, ids.scanType),
    [
      ...type('', btfKinds.functionPrototype, 2, ids.u64),
      ...parameter('index', ids.u64),
      ...parameter('context', ids.pointer),
    ],
    type('walk', btfKinds.function, 0, ids.walkType),
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
 * struct bpf_func_info, 8 bytes each: u32 index of the function's first instruction, u32 its type.
 *
 * @param walkAt index of the callback; the program itself begins at 0
 */
export function callbackPlaces(walkAt: number): Buffer {
  return encodeWords([
    [0, ids.scan],
    [walkAt, ids.walk],
  ]);
}

/** struct btf_type. */
function type(name: string, kind: number, entries: number, sizeOrType: number): number[] {
  return [name === '' ? 0 : nameOffset(name), (kind << 24) | entries, sizeOrType];
}

/** struct btf_param. */
function parameter(name: string, typeId: number): number[] {
  return [nameOffset(name), typeId];
}

function nameOffset(name: string): number {
  return strings.indexOf(`\0${name}\0`) + 1;
}

function encodeWords(rows: readonly (readonly number[])[]): Buffer {
  const words = rows.flat();
  const bytes = Buffer.alloc(words.length * 4);
  for (const [i, word] of words.entries()) bytes.writeUInt32LE(word, i * 4);
  return bytes;
}
