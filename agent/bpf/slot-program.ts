/**
 * The part of the scan that makes a record of what one slot of an fd table holds, where that is a socket which stands in a
 * socket table of the kernel.
 *
 * A record is filled first and kept at the end. Before that, the slot is read again: where the file is still in it, the
 * file was open all the while and is what was described. What stands for several sockets (MPTCP) is left to a function of
 * its own, out of the way of all others.
 */
import {
  add,
  jump,
  jumpIf,
  label,
  load,
  move,
  type Statement,
  shiftLeft,
  store,
  subtract,
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
  mixIn,
  part,
  passOverOthers,
  protocols,
  readWord,
  record,
  sock,
  takeRecord,
} from './record-program.ts';
import { controlLayout, listenersMax, recordLayout } from './scan-memory.ts';
import { slotFindings as found, slotStack, stackSlot, walkArguments } from './stack.ts';
import { callSubflowFunction, subflowArguments } from './subflow-program.ts';

/** Below slotStack. */
const below = { records: stackSlot('records', -288, 8), subflows: subflowArguments(-336) } as const;

/** Address of the first of the slots, and of walkArguments. */
export const [slots, walk] = ['r6', 'r7'] as const;
const passed = walkArguments(0);

const { fields } = recordLayout;
const counters = { ...controlLayout.fields, key: slotStack.key };

export interface SlotProgramOptions {
  /** Fds of the maps of recordLayout and of one controlLayout. */
  readonly recordMap: number;
  readonly controlMap: number;
  /** Fd of the map of slotGroupLayout, for a scan that leaves imprints (imprint-program.ts); else null. */
  readonly groupMap: number | null;
}

/** r1 = address of the file in the slot, or 0. */
export function readSlot(kernel: KernelLayout, slot: number): Statement[] {
  return [move('r1', slots), add('r1', slot * passed.slots.bytes), ...readWord(kernel)];
}

export function describeSlot(kernel: KernelLayout, options: SlotProgramOptions, slot: number): Statement[] {
  const [name, next] = [`slot-${slot}`, `after-slot-${slot}`];
  const isImprinted = options.groupMap !== null;
  return [
    load('r1', 'fp', found.sock(slot)),
    jumpIf('r1', '==', 0, next),
    ...castTo(kernel, 'sock'),
    move(sock, 'r0'),
    ...passOverOthers(kernel, name, next),
    ...(isImprinted ? [...count(counters.unsettled), load('r1', sock, kernel.sock.protocol)] : []),
    jumpIf('r1', '==', protocols.mptcp, `${name}-is-mptcp`),
    ...takeRecord(options.recordMap, counters, name, next),
    ...describeHolder(kernel, slot),
    ...describeState(kernel, name, next),
    ...describeTuple(kernel, name, next),
    ...readSlot(kernel, slot),
    load('r2', 'fp', found.file(slot)),
    jumpIf('r1', '!=', 'r2', next),
    ...keepRecord(counters),
    ...(isImprinted ? settle(kernel, slot, next) : []),
    ...countQueues(
      kernel,
      name,
      next,
      isImprinted ? [...noteListener(name, slot), ...noteQueue(kernel)] : [],
    ),
    label(next),
  ];
}

/**
 * TCP that is connected, listens or is on its way to or from it: whatever changes about it passes the tracepoint of
 * changes. Goes on at `next` for others.
 */
function settle(kernel: KernelLayout, slot: number, next: string): Statement[] {
  return [
    load('r1', sock, kernel.sock.protocol),
    jumpIf('r1', '!=', protocols.tcp, next),
    load('r1', control, counters.unsettled),
    subtract('r1', 1),
    store(control, counters.unsettled, 'r1'),
    load('r1', 'fp', slotStack.settled),
    add('r1', 1 << slot),
    store('fp', slotStack.settled, 'r1'),
  ];
}

/** Those that find no room are counted all the same. */
function noteListener(name: string, slot: number): Statement[] {
  const noRoom = `${name}-is-one-too-many`;
  return [
    load('r1', control, counters.listeners),
    jumpIf('r1', '>', listenersMax - 1, noRoom),
    move('r2', 'r1'),
    shiftLeft('r2', 3),
    move('r3', control),
    add('r3', 'r2'),
    load('r2', 'fp', found.sock(slot)),
    store('r3', part(counters.listenerAddresses, 0, 8), 'r2'),
    label(noRoom),
    ...count(counters.listeners),
  ];
}

/** What describeSlot goes on with for a socket of MPTCP, behind everything else. */
export function describeMptcpSlot(kernel: KernelLayout, slot: number): Statement[] {
  const [name, next] = [`slot-${slot}`, `after-slot-${slot}`];
  const { subflows, records } = below;
  return [
    label(`${name}-is-mptcp`),
    store('fp', subflows.socket, sock),
    load('r1', 'fp', found.inode(slot)),
    store('fp', subflows.inode, 'r1'),
    load('r1', 'fp', slotStack.firstFd),
    add('r1', slot),
    store('fp', subflows.fd, 'r1'),
    load('r1', walk, passed.pid),
    store('fp', subflows.pid, 'r1'),
    load('r1', walk, passed.startLow),
    store('fp', subflows.startLow, 'r1'),
    load('r1', control, counters.records),
    store('fp', records, 'r1'),
    ...callSubflowFunction(kernel, subflows),
    ...readSlot(kernel, slot),
    load('r2', 'fp', found.file(slot)),
    jumpIf('r1', '==', 'r2', next),
    // It was another file's.
    load('r1', 'fp', records),
    store(control, counters.records, 'r1'),
    jump(next),
  ];
}

function describeHolder(kernel: KernelLayout, slot: number): Statement[] {
  return [
    load('r1', walk, passed.pid),
    store(record, fields.pid, 'r1'),
    load('r1', walk, passed.startLow),
    store(record, fields.startLow, 'r1'),
    load('r1', 'fp', slotStack.firstFd),
    add('r1', slot),
    store(record, fields.fd, 'r1'),
    load('r1', 'fp', found.inode(slot)),
    store(record, fields.inode, 'r1'),
    // Equal to the user of the inode, and next to the protocol: one cache line less.
    load('r1', sock, kernel.sock.uid),
    store(record, fields.uid, 'r1'),
  ];
}

/** Goes on at `next` for others than listeners. @param asListener what else is done with one */
export function countQueues(
  kernel: KernelLayout,
  name: string,
  next: string,
  asListener: readonly Statement[] = [],
): Statement[] {
  return [
    ...countAcceptQueue(kernel, counters.acceptQueues, name, next),
    ...asListener,
    move('r1', sock),
    ...castTo(kernel, 'listener'),
    load('r1', 'r0', kernel.listener.requests),
    jumpIf('r1', '==', 0, next),
    ...count(counters.passing),
    ...count(counters.handshakes),
  ];
}

/** A scan that another one follows tells whether an accept queue is as long as it was. */
export function noteQueue(kernel: KernelLayout): Statement[] {
  return [load('r1', sock, kernel.sock.acceptQueue), ...mixIn(counters.counts)];
}
