/**
 * The fingerprint of all sockets that a process has open: a sum over them, so that it does not matter in which order they
 * come.
 *
 *     settled   address of its struct file, which stands in the fd table: nothing else has to be fetched. The next file
 *               may get the same address, but a settled socket is not closed without an event.
 *     others    number of its inode. The kernel counts them and begins anew after four billion, so the next has another.
 *
 * Files of other kinds are not in it, and may come and go.
 */
import {
  add,
  exclusiveOr,
  load,
  loadConstant,
  move,
  multiply,
  type Statement,
  shiftRight,
  store,
} from './instruction.ts';
import { control } from './record-program.ts';
import { controlLayout } from './scan-memory.ts';
import { slotStack } from './stack.ts';

/** Odd numbers without a pattern (those of MurmurHash3's finalizer): each bit of the input changes half of the output's. */
const mixers = [0xff51afd7ed558ccdn, 0xc4ceb9fe1a85ec53n] as const;

const { fingerprint } = controlLayout.fields;

/** r1 = what tells the socket in that slot from others; slotStack knows its group. r1 to r3 are lost. */
export function addToFingerprint(slot: number): Statement[] {
  return [
    ...mix(mixers[0]),
    load('r2', 'fp', slotStack.firstFd),
    add('r1', 'r2'),
    add('r1', slot),
    ...mix(mixers[1]),
    load('r3', control, fingerprint),
    add('r3', 'r1'),
    store(control, fingerprint, 'r3'),
  ];
}

function mix(mixer: bigint): Statement[] {
  return [
    loadConstant('r3', mixer),
    multiply('r1', 'r3'),
    move('r3', 'r1'),
    shiftRight('r3', 33),
    exclusiveOr('r1', 'r3'),
  ];
}
