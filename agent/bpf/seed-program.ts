/**
 * iter/task_file: notes beside each TCP socket that is open when the agent starts a process that holds it. It shows the
 * agent's pid namespace alone. What is noted already stays: programs that see a change know better.
 */

import { holderLayout, standings } from './event-memory.ts';
import { describeProcess, findHolder, finish, holder } from './event-program.ts';
import { countLoss, type HolderOptions } from './holder-program.ts';
import { callHelper, jump, jumpIf, label, load, move, type Statement, store } from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import { pidNumber } from './pid-number.ts';
import { families, protocols, sock } from './record-program.ts';

/** `leader` is the first thread of the process whose file it is; `pid` makes way for the file's socket. */
const [leader, pid] = ['r6', 'r7'] as const;

export function seedProgram(surroundings: HolderOptions): Statement[] {
  const { kernel, holderMap, pidLevel } = surroundings;
  const { fields } = holderLayout;
  return [
    load('r2', 'r1', kernel.fileContext.task),
    load('r1', 'r1', kernel.fileContext.file),
    jumpIf('r1', '==', 0, 'out'),
    jumpIf('r2', '==', 0, 'out'),
    load(leader, 'r2', kernel.task.leader),
    callHelper(helpers.socketFromFile),
    jumpIf('r0', '==', 0, 'out'),
    load(sock, 'r0', kernel.socket.sock),
    jumpIf(sock, '==', 0, 'out'),
    load('r1', sock, kernel.sock.protocol),
    jumpIf('r1', '!=', protocols.tcp, 'out'),
    load('r1', sock, kernel.sock.family),
    jumpIf('r1', '==', families.ipv4, 'is-internet'),
    jumpIf('r1', '!=', families.ipv6, 'out'),
    label('is-internet'),
    ...pidNumber(kernel, pid, leader, pidLevel, 'pid-known'),
    jumpIf(pid, '==', 0, 'out'),
    ...findHolder(holderMap, 'make'),
    jumpIf('r0', '!=', 0, 'has-holder'),
    ...countLoss(surroundings, 'unnoted'),
    jump('out'),
    label('has-holder'),
    move(holder, 'r0'),
    load('r1', holder, fields.pid),
    jumpIf('r1', '!=', 0, 'out'),
    store(holder, fields.pid, pid),
    store(holder, fields.standing, standings.found),
    ...describeProcess(surroundings, leader),
    ...finish('out'),
  ];
}
