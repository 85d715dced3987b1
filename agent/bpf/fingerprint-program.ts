/**
 * The inner half of recognising a process (imprint-program.ts): a callback of bpf_loop that adds some slots of its fd table
 * to the fingerprint. A slot that held a settled socket is taken as it stands in the table; of any other, the file is looked
 * at, since it may be a socket by now.
 */
import { clear, findGroup, firstSlot, forget, noteSocketOfFile } from './fd-program.ts';
import { addToFingerprint } from './fingerprint.ts';
import {
  add,
  and,
  exit,
  jump,
  jumpIf,
  label,
  load,
  loadMapValue,
  move,
  type Statement,
  store,
} from './instruction.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { nextGroup } from './open-slots.ts';
import { castTo, control } from './record-program.ts';
import { slotGroupLayout } from './scan-memory.ts';
import { readSlot, walk } from './slot-program.ts';
import { slotFindings as found, slotStack, slotsPerCall } from './stack.ts';

/** Label of the callback. */
export const fingerprintCallback = 'fingerprint';

export interface FingerprintOptions {
  readonly controlMap: number;
  /** Fd of the map of slotGroupLayout. */
  readonly groupMap: number;
  /** See learnedLayout. */
  readonly socketOperations: bigint;
}

/** As fd-program.ts goes over the slots, step by step for all of them, but no further than it has to. */
export function fingerprintFunction(kernel: KernelLayout, options: FingerprintOptions): Statement[] {
  const eachSlot = (statements: (slot: number) => readonly Statement[]): Statement[] =>
    Array.from({ length: slotsPerCall.often }, (_, slot) => statements(slot)).flat();
  return [
    label(fingerprintCallback),
    move(walk, 'r2'),
    loadMapValue(control, options.controlMap),
    ...nextGroup(kernel, slotsPerCall.often, fingerprintCallback),
    ...firstSlot(),
    ...eachSlot((slot) => clear(found.socket(slot))),
    ...findGroup(options.groupMap, 'fingerprint-ends'),
    load('r1', 'r0', slotGroupLayout.fields.settled),
    store('fp', slotStack.settled, 'r1'),
    ...eachSlot((slot) => addSettled(kernel, options.socketOperations, slot)),
    ...eachSlot((slot) => addOther(kernel, slot)),
    label('fingerprint-ends'),
    move('r0', 0),
    exit(),
  ];
}

/** What was not settled is looked at, and noted where it is a socket. */
function addSettled(kernel: KernelLayout, socketOperations: bigint, slot: number): Statement[] {
  const next = `after-fingerprint-file-${slot}`;
  const isOther = `fingerprint-of-other-${slot}`;
  return [
    ...readSlot(kernel, slot),
    ...forget('r1'),
    jumpIf('r1', '==', 0, next),
    load('r2', 'fp', slotStack.settled),
    and('r2', 1 << slot),
    jumpIf('r2', '==', 0, isOther),
    ...addToFingerprint(slot),
    jump(next),
    label(isOther),
    ...noteSocketOfFile(kernel, socketOperations, slot, next),
    label(next),
  ];
}

function addOther(kernel: KernelLayout, slot: number): Statement[] {
  const next = `after-fingerprint-socket-${slot}`;
  return [
    load('r1', 'fp', found.socket(slot)),
    ...forget('r1'),
    jumpIf('r1', '==', 0, next),
    add('r1', kernel.socketInode.offset),
    ...castTo(kernel, 'inode'),
    load('r1', 'r0', kernel.inode.number),
    ...addToFingerprint(slot),
    label(next),
  ];
}
