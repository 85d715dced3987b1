/**
 * The inner half of the scan: a callback of bpf_loop that looks at some slots of an fd table, and makes a record of each
 * socket in them (slot-program.ts).
 *
 *     slot → file → socket → sock → record
 *
 * Each of these is a place in memory that is hardly ever in a cache, and it is waiting for memory that a scan spends its
 * time with. So every step is made for all slots before the next one: none of the loads of one step waits for another,
 * and the processor fetches them side by side. That halves the time of a scan after an idle second.
 *
 * No step is a function of its own, since returning from one costs as much as a record where the processor must not
 * guess where it goes.
 */
import type { Field } from './btf.ts';
import { addToFingerprint } from './fingerprint.ts';
import {
  add,
  and,
  callHelper,
  exit,
  jump,
  jumpIf,
  label,
  load,
  loadConstant,
  loadMap,
  loadMapValue,
  move,
  type Register,
  type Statement,
  shiftLeft,
  shiftRight,
  store,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { nextGroup } from './open-slots.ts';
import { castTo, control, count, readWord } from './record-program.ts';
import { controlLayout, slotGroupLayout } from './scan-memory.ts';
import {
  describeMptcpSlot,
  describeSlot,
  readSlot,
  type SlotProgramOptions,
  slots,
  walk,
} from './slot-program.ts';
import { slotFindings as found, type SlotsPerCall, slotStack, slotsPerCall, walkArguments } from './stack.ts';
import { subflowCallback, subflowFunction } from './subflow-program.ts';

/** Label of the callback, and of all there are in the order in which they stand. */
export const walkCallback = 'walk';
export const fdCallbacks = [walkCallback, subflowCallback] as const;

/** Makes way for `sock`. */
const socket = 'r8';

/** What the outer half wrote, seen through the pointer to its start. */
const passed = walkArguments(0);

export interface FdProgramOptions extends SlotProgramOptions {
  /** See learnedLayout. */
  readonly socketOperations: bigint;
  /** As task-program.ts has it. */
  readonly slotsPerCall: SlotsPerCall;
}

/** Goes behind the statements of task-program.ts, which names its label. */
export function fdProgram(kernel: KernelLayout, options: FdProgramOptions): Statement[] {
  const { slotsPerCall, socketOperations, groupMap } = options;
  const eachSlot = (statements: (slot: number) => readonly Statement[]): Statement[] =>
    Array.from({ length: slotsPerCall }, (_, slot) => statements(slot)).flat();
  return [
    label(walkCallback),
    move(walk, 'r2'),
    loadMapValue(control, options.controlMap),
    ...nextGroup(kernel, slotsPerCall, walkCallback),
    ...firstSlot(),
    ...(groupMap === null ? [] : clear(slotStack.settled)),
    ...eachSlot((slot) => [found.socket, found.sock, found.inode].flatMap((place) => clear(place(slot)))),
    ...eachSlot((slot) => findSocket(kernel, socketOperations, slot)),
    ...eachSlot((slot) => findSock(kernel, slot)),
    ...eachSlot((slot) => touchSock(kernel, slot)),
    ...eachSlot((slot) => describeSlot(kernel, options, slot)),
    ...(groupMap === null ? [] : [...eachSlot(addSocket), ...keepGroup(groupMap)]),
    move('r0', 0),
    exit(),
    ...eachSlot((slot) => describeMptcpSlot(kernel, slot)),
    ...subflowFunction(kernel, options),
  ];
}

/** `slots` = address of the slot at slotStack.firstFd. */
export function firstSlot(): Statement[] {
  return [
    load('r1', 'fp', slotStack.firstFd),
    shiftLeft('r1', Math.log2(passed.slots.bytes)),
    load(slots, walk, passed.slots),
    add(slots, 'r1'),
  ];
}

/** Only files of sockets have their operations. */
function findSocket(kernel: KernelLayout, socketOperations: bigint, slot: number): Statement[] {
  const next = `after-file-${slot}`;
  return [
    ...readSlot(kernel, slot),
    store('fp', found.file(slot), 'r1'),
    ...forget('r1'),
    jumpIf('r1', '==', 0, next),
    ...noteSocketOfFile(kernel, socketOperations, slot, next),
    label(next),
  ];
}

/** Notes the socket of a file, whose address is in r1; goes to `next` where the file is none. */
export function noteSocketOfFile(
  kernel: KernelLayout,
  socketOperations: bigint,
  slot: number,
  next: string,
): Statement[] {
  return [
    ...castTo(kernel, 'file'),
    load('r1', 'r0', kernel.file.operations),
    loadConstant('r2', socketOperations),
    jumpIf('r1', '!=', 'r2', next),
    move('r1', 'r0'),
    add('r1', kernel.file.private.offset),
    ...readWord(kernel),
    store('fp', found.socket(slot), 'r1'),
  ];
}

/** The inode lies behind the socket, so its number can be fetched meanwhile. */
function findSock(kernel: KernelLayout, slot: number): Statement[] {
  const next = `after-socket-${slot}`;
  return [
    load(socket, 'fp', found.socket(slot)),
    ...forget(socket),
    jumpIf(socket, '==', 0, next),
    move('r1', socket),
    add('r1', kernel.socket.sock.offset),
    ...readWord(kernel),
    store('fp', found.sock(slot), 'r1'),
    move('r1', socket),
    add('r1', kernel.socketInode.offset),
    ...castTo(kernel, 'inode'),
    load('r1', 'r0', kernel.inode.number),
    store('fp', found.inode(slot), 'r1'),
    label(next),
  ];
}

/** Fetches what the description reads, for its sake: the addresses, and the protocol with the user. */
function touchSock(kernel: KernelLayout, slot: number): Statement[] {
  const next = `after-sock-${slot}`;
  return [
    load('r1', 'fp', found.sock(slot)),
    ...forget('r1'),
    jumpIf('r1', '==', 0, next),
    ...castTo(kernel, 'sock'),
    load('r1', 'r0', kernel.sock.family),
    load('r1', 'r0', kernel.sock.uid),
    label(next),
  ];
}

/** To the fingerprint: one that is settled by its file, any other by its inode. */
function addSocket(slot: number): Statement[] {
  const [isOther, next] = [`slot-${slot}-is-unsettled`, `after-socket-${slot}-is-added`];
  return [
    load('r1', 'fp', found.socket(slot)),
    ...forget('r1'),
    jumpIf('r1', '==', 0, next),
    load('r1', 'fp', found.inode(slot)),
    load('r2', 'fp', slotStack.settled),
    and('r2', 1 << slot),
    jumpIf('r2', '==', 0, isOther),
    load('r1', 'fp', found.file(slot)),
    label(isOther),
    ...addToFingerprint(slot),
    label(next),
  ];
}

/** Which slots were settled; a process for which there is no room is not. */
function keepGroup(groupMap: number): Statement[] {
  return [
    ...findGroup(groupMap, 'no-room-for-group'),
    load('r1', 'fp', slotStack.settled),
    store('r0', slotGroupLayout.fields.settled, 'r1'),
    jump('group-is-kept'),
    label('no-room-for-group'),
    ...count(controlLayout.fields.unsettled),
    label('group-is-kept'),
  ];
}

/** r0 = the slotGroupLayout of the slots that are looked at. */
export function findGroup(groupMap: number, otherwise: string): Statement[] {
  return [
    load('r1', 'fp', slotStack.firstFd),
    shiftRight('r1', Math.log2(slotsPerCall.often)),
    load('r2', control, controlLayout.fields.firstGroup),
    add('r1', 'r2'),
    store('fp', slotStack.key, 'r1'),
    move('r2', 'fp'),
    add('r2', slotStack.key.offset),
    loadMap('r1', groupMap),
    callHelper(helpers.mapLookup),
    jumpIf('r0', '==', 0, otherwise),
  ];
}

/** Stores 0, but not one that the verifier knows of: it would follow all combinations of slots with and without a socket. */
export function clear(place: Field): Statement[] {
  return [load('r1', control, controlLayout.fields.nothing), store('fp', place, 'r1')];
}

/** Lets the verifier forget that the number also stands elsewhere: what is found out about it here is not kept there. */
export function forget(register: Register): Statement[] {
  return [and(register, -1)];
}
