/** Places on a program's stack, which grows down from fp. */
import type { Field } from './btf.ts';

export function stackSlot(name: string, offset: number, bytes: number): Field {
  return { name: `stack.${name}`, offset, bytes };
}

/** What the walk over an fd table is called with: 16 bytes, written from fp and read through a pointer to their start. */
export function walkArguments(start: number) {
  return {
    start,
    /** Address of the table's first slot. */
    slots: stackSlot('slots', start, 8),
    pid: stackSlot('pid', start + 8, 4),
    startLow: stackSlot('startLow', start + 12, 4),
  } as const;
}

/**
 * How many slots of an fd table are looked at together, a power of two. For a program that runs often it is a cache line of
 * them; the verifier takes a quarter of the time for one that looks at two, which is what counts when it runs once.
 */
export const slotsPerCall = { often: 8, once: 2 } as const;

export type SlotsPerCall = (typeof slotsPerCall)[keyof typeof slotsPerCall];

/** What every call of the walk has above and below slotFindings. */
export const slotStack = {
  key: stackSlot('key', -8, 4),
  /** Of the first slot of the group: see nextGroup. */
  firstFd: stackSlot('firstFd', -16, 8),
  /** See slotGroupLayout. */
  settled: stackSlot('settled', -280, 8),
} as const;

/** What the walk finds out of the slots of one call, step by step. All are numbers to the verifier. */
export const slotFindings = {
  /** Address of the file. */
  file: (slot: number) => stackSlot(`file[${slot}]`, -80 + 8 * slot, 8),
  /** Address of the struct socket of the file, and of the struct sock behind it; 0 where there is none. */
  socket: (slot: number) => stackSlot(`socket[${slot}]`, -144 + 8 * slot, 8),
  sock: (slot: number) => stackSlot(`sock[${slot}]`, -208 + 8 * slot, 8),
  /** Number of the file's inode. */
  inode: (slot: number) => stackSlot(`inode[${slot}]`, -272 + 8 * slot, 8),
} as const;
