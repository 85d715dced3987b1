/**
 * At the tracepoint that every change of state of every TCP socket passes (inet_sock_set_state): writes the inode of the
 * socket into a ring, so that the agent knows whose sockets have to be looked at.
 *
 * The kernel lets no program of a tracepoint interrupt itself on one processor, and a packet may well arrive while a system
 * call is in it. So there are two: the second tells what the first one did not. Each processor has a note of what the
 * first one told there last.
 */
import type { EventLayout } from './event-layout.ts';
import {
  add,
  and,
  atomicAdd,
  callHelper,
  exit,
  jumpIf,
  label,
  load,
  loadMap,
  loadMapValue,
  move,
  type Statement,
  shiftLeft,
  store,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { castTo, part, protocols, sock } from './record-program.ts';
import { layout } from './scan-memory.ts';
import { stackSlot } from './stack.ts';

/** What is in the ring. */
export const stateChangeLayout = layout('change', {
  /** Number of the inode. */
  inode: 8,
});

/** By that many numbers changes are counted: that of a namespace is what is left of its inode. */
export const seenCounters = 256;

/** Counts since the start. */
export const changeCountLayout = layout('counts', {
  /** What found the ring full. */
  lost: 8,
  /** All changes of TCP sockets, also of those without an inode, once for each program: 8 bytes for each of seenCounters. */
  seen: 8 * seenCounters,
});

/** Kept for each processor: inode and new state of the last change that the first program told. */
export const changeNoteLayout = layout('note', { told: 8 });

export interface StateChangeOptions {
  readonly kernel: KernelLayout;
  readonly layout: EventLayout;
  /** Fds of the ring, of an array map of one changeCountLayout, and of a per-processor one of one changeNoteLayout. */
  readonly ringMap: number;
  readonly countMap: number;
  readonly noteMap: number;
}

const stack = { key: stackSlot('key', -8, 8), inode: stackSlot('inode', -16, 8) } as const;
const [after, note, change] = ['r6', 'r7', 'r9'] as const;

/** BPF_RB_NO_WAKEUP: the agent looks into the ring when its time has come. */
const wakesNobody = 1;

const bitsOfState = 8;

/** A socket without an inode is in no process: a connection that was not accepted yet, or what is left of one. */
export function stateChangeProgram(options: StateChangeOptions, turn: 'first' | 'second'): Statement[] {
  const { kernel, noteMap, countMap } = options;
  const { told } = changeNoteLayout.fields;
  return [
    load(sock, 'r1', options.layout.context.sock),
    load(after, 'r1', options.layout.context.after),
    load('r1', sock, kernel.sock.protocol),
    jumpIf('r1', '!=', protocols.tcp, 'out'),
    ...countSeen(kernel, countMap),
    load('r1', sock, kernel.sock.socket),
    jumpIf('r1', '==', 0, 'out'),
    add('r1', kernel.socketInode.offset),
    ...castTo(kernel, 'inode'),
    load(change, 'r0', kernel.inode.number),
    store('fp', stack.inode, change),
    jumpIf(change, '==', 0, 'out'),
    shiftLeft(change, bitsOfState),
    add(change, after),
    store('fp', stack.key, 0),
    move('r2', 'fp'),
    add('r2', stack.key.offset),
    loadMap('r1', noteMap),
    callHelper(helpers.mapLookup),
    jumpIf('r0', '==', 0, 'out'),
    move(note, 'r0'),
    load('r1', note, told),
    ...(turn === 'second' ? [jumpIf('r1', '==', change, 'out')] : []),
    ...tell(options),
    ...(turn === 'first' ? [store(note, told, change)] : []),
    label('out'),
    move('r0', 0),
    exit(),
  ];
}

function countSeen(kernel: KernelLayout, countMap: number): Statement[] {
  return [
    load('r3', sock, kernel.sock.net),
    load('r3', 'r3', kernel.net.inode),
    and('r3', seenCounters - 1),
    shiftLeft('r3', 3),
    loadMapValue('r1', countMap),
    add('r1', 'r3'),
    move('r2', 1),
    atomicAdd('r1', part(changeCountLayout.fields.seen, 0, 8), 'r2'),
  ];
}

function tell({ ringMap, countMap }: StateChangeOptions): Statement[] {
  return [
    loadMap('r1', ringMap),
    move('r2', stateChangeLayout.bytes),
    move('r3', 0),
    callHelper(helpers.ringReserve),
    jumpIf('r0', '!=', 0, 'has-room'),
    loadMapValue('r1', countMap),
    move('r2', 1),
    atomicAdd('r1', changeCountLayout.fields.lost, 'r2'),
    move('r0', 0),
    exit(),
    label('has-room'),
    load('r1', 'fp', stack.inode),
    store('r0', stateChangeLayout.fields.inode, 'r1'),
    move('r1', 'r0'),
    move('r2', wakesNobody),
    callHelper(helpers.ringSubmit),
  ];
}
