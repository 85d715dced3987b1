/** What the three parts of the program for details share: registers and places on the stack. */
import { stackSlot } from './stack.ts';

/**
 * `thread` is what the iterator shows, doubted by the verifier (see doubtThread); `process` the first thread of its process,
 * `entry` a detailLayout.
 */
export const [thread, entry, process] = ['r6', 'r7', 'r8'] as const;

/** What the walk up the folders is called with: written from fp, and read through a pointer to its start. */
export function walkPlaces(start: number) {
  return {
    start,
    /** Addresses of the struct dentry and the struct mount that it has come to. */
    name: stackSlot('name', start, 8),
    mount: stackSlot('mount', start + 8, 8),
    /** Bytes of names written so far. */
    length: stackSlot('length', start + 16, 8),
    /** 1 once it has come to the root. */
    isWhole: stackSlot('isWhole', start + 24, 8),
  } as const;
}

export const stack = {
  key: stackSlot('key', -8, 4),
  pid: stackSlot('pid', -16, 8),
  /** Where the memory that begins with the arguments ends; 0 = it is none to be read. */
  areaEnd: stackSlot('areaEnd', -24, 8),
  /** How many bytes of arguments are copied. */
  copied: stackSlot('copied', -32, 8),
  walk: walkPlaces(-64),
  /** The thread as the kernel vouches for it, for helpers that take nothing else. */
  task: stackSlot('task', -72, 8),
} as const;
