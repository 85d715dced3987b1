/**
 * The inner half of the scan: a callback of bpf_loop that looks at some slots of an fd table and makes a record of each
 * socket that stands in a socket table of the kernel.
 *
 * A record is filled first and kept at the end. Before that, the slot is read again: where the file is still in it, the
 * file was open all the while and is what was described.
 */
import {
  add,
  exit,
  jumpIf,
  label,
  load,
  loadConstant,
  loadMapValue,
  move,
  type Statement,
  shiftLeft,
  store,
} from './instruction.ts';
import type { KernelLayout } from './kernel-layout.ts';
import {
  castTo,
  control,
  count,
  countAcceptQueue,
  describeState,
  describeTuple,
  keepRecord,
  passOverOthers,
  readWord,
  record,
  sock,
  takeRecord,
} from './record-program.ts';
import { controlLayout, recordLayout } from './scan-memory.ts';
import { stackSlot, walkArguments } from './stack.ts';

/** Label of the callback. */
export const walkCallback = 'walk';

/** How many slots one call looks at: a cache line of them. */
export const slotsPerCall = 8;

/** struct file *. */
const slotBytes = 8;

const stack = {
  key: stackSlot('key', -8, 4),
  firstFd: stackSlot('firstFd', -16, 8),
  file: stackSlot('file', -24, 8),
  inode: stackSlot('inode', -32, 8),
} as const;

/** What the outer half wrote, seen through the pointer to its start. */
const passed = walkArguments(0);

/** `slots` is the address of the first one of this call. `file` makes way for `sock`. */
const [slots, walk, file] = ['r6', 'r7', 'r8'] as const;

const { fields } = recordLayout;
const counters = { ...controlLayout.fields, key: stack.key };

export interface FdProgramOptions {
  /** Fds of the maps of recordLayout and of one controlLayout. */
  readonly recordMap: number;
  readonly controlMap: number;
  /** See learnedLayout. */
  readonly socketOperations: bigint;
}

/** Goes behind the statements of task-program.ts, which names its label. */
export function fdProgram(kernel: KernelLayout, options: FdProgramOptions): Statement[] {
  return [
    label(walkCallback),
    move(walk, 'r2'),
    shiftLeft('r1', Math.log2(slotsPerCall)),
    store('fp', stack.firstFd, 'r1'),
    shiftLeft('r1', Math.log2(slotBytes)),
    load(slots, walk, passed.slots),
    add(slots, 'r1'),
    loadMapValue(control, options.controlMap),
    ...Array.from({ length: slotsPerCall }, (_, slot) => lookAtSlot(kernel, options, slot)).flat(),
    move('r0', 0),
    exit(),
  ];
}

function lookAtSlot(kernel: KernelLayout, options: FdProgramOptions, slot: number): Statement[] {
  const [name, next] = [`slot-${slot}`, `after-slot-${slot}`];
  return [
    ...readSlot(kernel, slot),
    jumpIf('r1', '==', 0, next),
    store('fp', stack.file, 'r1'),
    ...findSock(kernel, options.socketOperations, next),
    ...passOverOthers(kernel, name, next),
    ...takeRecord(options.recordMap, counters, name, next),
    ...describeHolder(kernel, slot),
    ...describeState(kernel, name, next),
    ...describeTuple(kernel, name, next),
    ...readSlot(kernel, slot),
    load('r2', 'fp', stack.file),
    jumpIf('r1', '!=', 'r2', next),
    ...keepRecord(counters),
    ...countQueues(kernel, name, next),
    label(next),
  ];
}

/** r1 = address of the file in the slot, or 0. */
function readSlot(kernel: KernelLayout, slot: number): Statement[] {
  return [move('r1', slots), add('r1', slot * slotBytes), ...readWord(kernel)];
}

/** `sock` = what the file in r1 is the fd of; the inode of the file goes to the stack. */
function findSock(kernel: KernelLayout, socketOperations: bigint, next: string): Statement[] {
  return [
    ...castTo(kernel, 'file'),
    move(file, 'r0'),
    load('r1', file, kernel.file.operations),
    loadConstant('r2', socketOperations),
    jumpIf('r1', '!=', 'r2', next),
    load('r1', file, kernel.file.inode),
    store('fp', stack.inode, 'r1'),
    load('r1', file, kernel.file.private),
    ...castTo(kernel, 'socket'),
    load(sock, 'r0', kernel.socket.sock),
    jumpIf(sock, '==', 0, next),
  ];
}

function describeHolder(kernel: KernelLayout, slot: number): Statement[] {
  return [
    load('r1', walk, passed.pid),
    store(record, fields.pid, 'r1'),
    load('r1', walk, passed.startLow),
    store(record, fields.startLow, 'r1'),
    load('r1', 'fp', stack.firstFd),
    add('r1', slot),
    store(record, fields.fd, 'r1'),
    load('r1', 'fp', stack.inode),
    load('r1', 'r1', kernel.inode.number),
    store(record, fields.inode, 'r1'),
    // Equal to the user of the inode, and next to the protocol: one cache line less.
    load('r1', sock, kernel.sock.uid),
    store(record, fields.uid, 'r1'),
  ];
}

function countQueues(kernel: KernelLayout, name: string, next: string): Statement[] {
  return [
    ...countAcceptQueue(kernel, counters.acceptQueues, name, next),
    move('r1', sock),
    ...castTo(kernel, 'listener'),
    load('r1', 'r0', kernel.listener.requests),
    jumpIf('r1', '==', 0, next),
    ...count(counters.passing),
  ];
}
