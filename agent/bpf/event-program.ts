/**
 * What the programs of connection events have in common. They are at one tracepoint, inet_sock_set_state, which every
 * change of state of every TCP socket passes, with its old and its new state:
 *
 *     change-programs.ts   one for the changes that system calls make, and two for those that packets make; made of
 *     holder-program.ts      who is it that connects, listens, closes?  → holder
 *     tell-program.ts        connected, accepted, closed                → ring
 *     seed-program.ts      an iterator over files, for sockets that are older than the agent → holder
 *
 * Several, because the kernel lets no program of a tracepoint interrupt itself on one processor, and a packet may well
 * arrive while a system call is in such a program.
 *
 * One that finds itself interrupted so does not run, and the kernel counts that (recursion_misses of bpf_prog_info). No
 * change is lost by it: a packet's change finds at most one program at work on its processor, and two look at it; a system
 * call's is never met at work, as nothing else of that call runs on this processor meanwhile.
 *
 * A change is not told, and not lost either, when it neither establishes nor ends a connection, or is another host's. Of
 * whatever else is not told there is a count (lossLayout).
 *
 * Everything on the machine passes here, other hosts' sockets too where several share a kernel. A socket belongs to the
 * own host when a process of the agent's pid namespace stands for it, or stood for its listener.
 */
import type { EventLayout } from './event-layout.ts';
import { holderLayout } from './event-memory.ts';
import {
  add,
  callHelper,
  exit,
  jumpIf,
  label,
  load,
  loadConstant,
  loadMap,
  move,
  type Register,
  type Statement,
  store,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import type { BasicLayout } from './kernel-layout.ts';
import { sock } from './record-program.ts';

/** TCP_* of include/net/tcp_states.h. */
export const tcpStates = {
  established: 1,
  synSent: 2,
  synRecv: 3,
  finWait1: 4,
  closed: 7,
  lastAck: 9,
  listen: 10,
} as const;

/** What the programs are built for. */
export interface EventSurroundings {
  readonly kernel: BasicLayout;
  readonly layout: EventLayout;
  /** Fd of the map with a holderLayout per socket. */
  readonly holderMap: number;
  /** How deep below the initial pid namespace the agent is; 0 = it sees every process, so every socket is its host's. */
  readonly pidLevel: number;
  /** Inode of that namespace. */
  readonly pidNamespace: number;
}

/** What the change is about, in registers that calls keep. `holder` is a holderLayout, or 0. */
export const [before, after, holder] = ['r6', 'r7', 'r9'] as const;

/** Sets `sock`, `before` and `after`. */
export function takeChange({ layout }: EventSurroundings): Statement[] {
  return [
    load(sock, 'r1', layout.context.sock),
    load(before, 'r1', layout.context.before),
    load(after, 'r1', layout.context.after),
  ];
}

/** r0 = what is kept beside `sock`, or 0. @param ifNone whether to make it then, which a program can once */
export function findHolder(holderMap: number, ifNone: 'make' | 'leave'): Statement[] {
  const find = [
    loadMap('r1', holderMap),
    move('r2', sock),
    move('r3', 0),
    move('r4', ifNone === 'make' ? 1 : 0),
    callHelper(helpers.socketStorage),
  ];
  if (ifNone === 'leave') return find;
  // Of two that put the first thing beside a socket at the same time, the kernel sends one away (EAGAIN). It may come again.
  return [...find, jumpIf('r0', '!=', 0, 'has-place'), ...find, label('has-place')];
}

/** Goes on at `out` when the process whose first thread is in `leader` is not in the agent's pid namespace. */
export function expectOwnNamespace(
  { kernel, layout, pidLevel, pidNamespace }: EventSurroundings,
  leader: Register,
  out: string,
): Statement[] {
  // Nothing is outside of the initial namespace.
  if (pidLevel === 0) return [];
  const { numbers, level } = kernel.pid;
  const { namespace } = layout.pidNumber;
  const offset = numbers.offset + pidLevel * kernel.pidNumber.bytes + namespace.offset;
  return [
    load('r1', leader, kernel.task.threadPid),
    jumpIf('r1', '==', 0, out),
    load('r2', 'r1', level),
    jumpIf('r2', '<', pidLevel, out),
    load('r2', 'r1', { ...namespace, offset }),
    jumpIf('r2', '==', 0, out),
    load('r2', 'r2', layout.pidNamespace.inode),
    loadConstant('r3', BigInt(pidNamespace)),
    jumpIf('r2', '!=', 'r3', out),
  ];
}

/** Writes into `holder` which process it is, but not its pid. `leader` is its first thread. */
export function describeProcess({ kernel }: EventSurroundings, leader: Register): Statement[] {
  const { fields } = holderLayout;
  return [
    load('r1', leader, kernel.task.startNs),
    store(holder, fields.startNs, 'r1'),
    load('r1', leader, kernel.task.credentials),
    load('r1', 'r1', kernel.credentials.uid),
    store(holder, fields.uid, 'r1'),
    move('r1', holder),
    add('r1', fields.comm.offset),
    move('r2', fields.comm.bytes),
    move('r3', leader),
    add('r3', kernel.task.comm.offset),
    callHelper(helpers.probeReadKernel),
  ];
}

/** The end of every program. */
export function finish(out: string): Statement[] {
  return [label(out), move('r0', 0), exit()];
}
