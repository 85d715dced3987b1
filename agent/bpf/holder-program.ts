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
import { stackSlot } from './stack.ts';

const stack = { pid: stackSlot('pid', -8, 8) } as const;

/** The first thread of the current process, in the place of the old state. */
const leader = 'r6';

const { fields } = holderLayout;

export interface HolderOptions extends EventSurroundings {
  /** Fd of an array map of one lossLayout. */
  readonly lossMap: number;
}

/**
 * Goes on at `done` when there is nothing to note, or the current process is not of this host. `before` and `after` are
 * lost.
 */
export function noteHolder(options: HolderOptions, done: string): Statement[] {
  const { kernel, holderMap, pidLevel } = options;
  const { synSent, listen, finWait1, lastAck, closed } = tcpStates;
  return [
    ...[synSent, listen, finWait1, lastAck, closed].map((state) => jumpIf(after, '==', state, 'takes-note')),
    jump(done),
    label('takes-note'),
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
    ...findHolder(holderMap, 'make'),
    jumpIf('r0', '!=', 0, 'has-holder'),
    loadMapValue('r1', options.lossMap),
    move('r2', 1),
    atomicAdd('r1', lossLayout.fields.unnoted, 'r2'),
    jump(done),
    label('has-holder'),
    move(holder, 'r0'),
    ...note(options, done),
  ];
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
