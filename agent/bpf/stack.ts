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
