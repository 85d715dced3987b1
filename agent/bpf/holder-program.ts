/**
 * The part of a program that notes beside a socket which process stands for it: the current one, which connects, listens,
 * shuts down or closes. A connection that is accepted inherits what is noted beside its listener, and is put right when it
 * is closed.
 */

import { holderLayout, lossLayout, standings } from './event-memory.ts';
import {
  after,
  describeProcess,
  type EventSurroundings,
  expectOwnNamespace,
  findHolder,
  holder,
  tcpStates,
} from './event-program.ts';
import {
  and,
  atomicAdd,
  callHelper,
  jump,
  jumpIf,
  label,
  load,
  loadMapValue,
  move,
  type Statement,
  store,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import { pidNumber } from './pid-number.ts';
import { kernelThreadFlag } from './process-program.ts';
import { sock } from './record-program.ts';
import { stackSlot } from './stack.ts';

const stack = { pid: stackSlot('pid', -8, 8) } as const;

/** ECONNABORTED: somebody breaks off a connection that is not his (SOCK_DESTROY, as `ss --kill` does). */
const aborted = 103;

/** The first thread of the current process, in the place of the old state. */
const leader = 'r6';

const { fields } = holderLayout;

export interface HolderOptions extends EventSurroundings {
  /** Fd of an array map of one lossLayout. */
  readonly lossMap: number;
  /** Pid of the agent. */
  readonly ownPid: number;
}

/**
 * Goes on at `done` when there is nothing to note, or the current process is not of this host. `before` and `after` are
 * lost.
 */
export function noteHolder(options: HolderOptions, done: string): Statement[] {
  const { kernel, layout, holderMap, pidLevel } = options;
  const { synSent, listen, finWait1, lastAck, closed } = tcpStates;
  return [
    ...[synSent, listen, finWait1, lastAck, closed].map((state) => jumpIf(after, '==', state, 'takes-note')),
    jump(done),
    label('takes-note'),
    jumpIf(after, '!=', closed, 'is-its-own'),
    load('r1', sock, layout.error),
    jumpIf('r1', '==', aborted, done),
    label('is-its-own'),
    callHelper(helpers.currentTask),
    load(leader, 'r0', kernel.task.leader),
    // A thread of the kernel may close a file in somebody's place.
    load('r1', leader, kernel.task.flags),
    and('r1', kernelThreadFlag),
    jumpIf('r1', '!=', 0, done),
    ...expectOwnNamespace(options, leader, done),
    ...pidNumber(kernel, holder, leader, pidLevel, 'pid-known'),
    jumpIf(holder, '==', 0, done),
    store('fp', stack.pid, holder),
    // A walk over all files holds each of them for a moment, and so may be the last to let go of one.
    jumpIf(holder, '!=', options.ownPid, 'is-not-the-agent'),
    ...[finWait1, lastAck, closed].map((state) => jumpIf(after, '==', state, done)),
    label('is-not-the-agent'),
    ...findHolder(holderMap, 'make'),
    jumpIf('r0', '!=', 0, 'has-holder'),
    ...countLoss(options, 'unnoted'),
    jump(done),
    label('has-holder'),
    move(holder, 'r0'),
    ...note(options, done),
  ];
}

/** One more that is lost. r1 and r2 are lost too. */
export function countLoss({ lossMap }: HolderOptions, loss: keyof typeof lossLayout.fields): Statement[] {
  return [loadMapValue('r1', lossMap), move('r2', 1), atomicAdd('r1', lossLayout.fields[loss], 'r2')];
}

function note(surroundings: EventSurroundings, done: string): Statement[] {
  return [
    jumpIf(after, '==', tcpStates.synSent, 'connects'),
    jumpIf(after, '==', tcpStates.listen, 'listens'),
    load('r1', holder, fields.standing),
    jumpIf('r1', '==', standings.connected, done),
    store(holder, fields.standing, standings.closing),
    jump('describe'),
    label('listens'),
    store(holder, fields.standing, standings.listening),
    // What is accepted starts with a copy.
    store(holder, fields.told, 0),
    jump('describe'),
    label('connects'),
    store(holder, fields.standing, standings.connected),
    store(holder, fields.told, 0),
    callHelper(helpers.monotonicNs),
    store(holder, fields.openedNs, 'r0'),
    label('describe'),
    load('r1', 'fp', stack.pid),
    store(holder, fields.pid, 'r1'),
    ...describeProcess(surroundings, leader),
  ];
}
