/**
 * Notes beside a socket which process stands for it, when one connects, listens or closes: system calls, so the current
 * task is the one that does it. A connection that is accepted inherits what is noted beside its listener, and is put
 * right when it is closed. It tells nothing: whoever reads the ring finds the process in the events.
 */

import { holderLayout, standings } from './event-memory.ts';
import {
  after,
  describeProcess,
  type EventSurroundings,
  expectOwnNamespace,
  findHolder,
  finish,
  holder,
  takeChange,
  tcpStates,
} from './event-program.ts';
import { and, callHelper, jump, jumpIf, label, load, move, type Statement, store } from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import { pidNumber } from './pid-number.ts';
import { kernelThreadFlag } from './process-program.ts';
import { sock } from './record-program.ts';
import { stackSlot } from './stack.ts';

const stack = { pid: stackSlot('pid', -8, 8) } as const;

/** The first thread of the current process; takes the place of the old state, which nothing here depends on. */
const leader = 'r6';

const { fields } = holderLayout;

export function holderProgram(surroundings: EventSurroundings): Statement[] {
  const { kernel, layout, holderMap, pidLevel } = surroundings;
  return [
    ...takeChange(surroundings, 'out'),
    ...[tcpStates.synSent, tcpStates.listen, tcpStates.finWait1, tcpStates.lastAck].map((state) =>
      jumpIf(after, '==', state, 'is-system-call'),
    ),
    jumpIf(after, '!=', tcpStates.closed, 'out'),
    // A packet may have reset it, or a process may have closed it without a word to the other side.
    load('r1', sock, layout.isLocked),
    jumpIf('r1', '==', 0, 'out'),
    label('is-system-call'),
    callHelper(helpers.currentTask),
    load(leader, 'r0', kernel.task.leader),
    // A thread of the kernel may close a file in somebody's place.
    load('r1', leader, kernel.task.flags),
    and('r1', kernelThreadFlag),
    jumpIf('r1', '!=', 0, 'out'),
    ...expectOwnNamespace(surroundings, leader, 'out'),
    ...pidNumber(kernel, holder, leader, pidLevel, 'pid-known'),
    jumpIf(holder, '==', 0, 'out'),
    store('fp', stack.pid, holder),
    ...findHolder(holderMap, 'make'),
    jumpIf('r0', '==', 0, 'out'),
    move(holder, 'r0'),
    ...note(surroundings),
    ...finish('out'),
  ];
}

function note(surroundings: EventSurroundings): Statement[] {
  return [
    jumpIf(after, '==', tcpStates.synSent, 'connects'),
    jumpIf(after, '==', tcpStates.listen, 'listens'),
    load('r1', holder, fields.standing),
    jumpIf('r1', '==', standings.connected, 'out'),
    store(holder, fields.standing, standings.closing),
    jump('describe'),
    label('listens'),
    store(holder, fields.standing, standings.listening),
    jump('describe'),
    label('connects'),
    store(holder, fields.standing, standings.connected),
    callHelper(helpers.monotonicNs),
    store(holder, fields.openedNs, 'r0'),
    label('describe'),
    load('r1', 'fp', stack.pid),
    store(holder, { ...fields.pid }, 'r1'),
    ...describeProcess(surroundings, leader),
  ];
}
