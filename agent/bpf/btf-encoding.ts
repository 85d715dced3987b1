/** Writes BTF (layout: btf.ts) for the few types that the kernel wants to be told of a program or a map. */
import { btfMagic } from './btf.ts';

/** struct btf_header. */
const headerBytes = 24;

/** One type: struct btf_type and its entries, each number one u32. */
export type TypeWords = readonly number[];

/** struct btf_type. */
export type EncodeType = (name: string, kind: number, entries: number, sizeOrType: number) => number[];

/**
 * @param names every name that the types use
 * @param types makes them, in the order of their ids from 1 on; `offset` tells where a name stands
 */
export function encodeBtf(
  names: readonly string[],
  types: (type: EncodeType, offset: (name: string) => number) => readonly TypeWords[],
): Buffer {
  const strings = `\0${names.map((text) => `${text}\0`).join('')}`;
  const offset = (name: string): number => (name === '' ? 0 : strings.indexOf(`\0${name}\0`) + 1);
  const type: EncodeType = (name, kind, entries, sizeOrType) => [
    offset(name),
    (kind << 24) | entries,
    sizeOrType,
  ];
  const section = encodeWords(types(type, offset));
  const header = Buffer.alloc(headerBytes);
  header.writeUInt16LE(btfMagic, 0);
  header.writeUInt8(1, 2);
  header.writeUInt32LE(headerBytes, 4);
  header.writeUInt32LE(section.length, 12);
  header.writeUInt32LE(section.length, 16);
  header.writeUInt32LE(strings.length, 20);
  return Buffer.concat([header, section, Buffer.from(strings, 'latin1')]);
}

/** Rows of numbers as u32, one after the other. */
export function encodeWords(rows: readonly TypeWords[]): Buffer {
  const words = rows.flat();
  const bytes = Buffer.alloc(words.length * 4);
  for (const [i, word] of words.entries()) bytes.writeUInt32LE(word, i * 4);
  return bytes;
}
