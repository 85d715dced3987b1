/**
 * The little BTF that the kernel wants for a program with callbacks: which of its functions begins where, and what it
 * takes. Layout: btf.ts; each number below is one u32.
 *
 *     [1] u64   [2] void *   [3] u64 (void *)   [4] u64 (u64, void *)   [5] main: [3]   [6] ... callbacks: [4]
 */
import { btfKinds } from './btf.ts';
import { encodeBtf, encodeWords } from './btf-encoding.ts';

const ids = { u64: 1, pointer: 2, mainType: 3, callbackType: 4, main: 5 } as const;

/** @param callbacks their names, in the order of callbackPlaces */
export function callbackTypes(callbacks: readonly string[]): Buffer {
  return encodeBtf(['u64', 'main', 'index', 'context', ...callbacks], (type, offset) => {
    /** struct btf_param. */
    const parameter = (name: string, typeId: number): number[] => [offset(name), typeId];
    return [
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
    ];
  });
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
