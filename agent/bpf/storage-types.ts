/**
 * The little BTF that the kernel wants for a value beside sockets: that its key is an int, and its value some words.
 *
 *     [1] int   [2] u64   [3] u64[words]
 */
import { btfKinds } from './btf.ts';
import { encodeBtf, type TypeWords } from './btf-encoding.ts';

export const storageTypeIds = { key: 1, value: 3 } as const;

const wordId = 2;

/** BTF_INT_SIGNED, in bits 24-27 of what follows an int; its width stands in bits 0-7. */
const signed = 1 << 24;

/** @param valueBytes a multiple of 8 */
export function storageTypes(valueBytes: number): Buffer {
  return encodeBtf(
    ['int', 'u64'],
    (type) =>
      [
        [...type('int', btfKinds.int, 0, 4), signed | 32],
        [...type('u64', btfKinds.int, 0, 8), 64],
        // struct btf_array: u32 element type, u32 index type, u32 elements.
        [...type('', btfKinds.array, 0, 0), wordId, storageTypeIds.key, valueBytes / 8],
      ] satisfies TypeWords[],
  );
}
