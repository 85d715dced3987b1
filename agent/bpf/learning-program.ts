/**
 * iter/task_file, run over the agent's own files: finds out what all sockets of this kernel have in common, and where
 * the agent stands among the pid namespaces. Both stay what they are while the agent runs.
 *
 * The address of socket_file_ops stands in no symbol table that is always there, but in every file that is a socket.
 */

import {
  callHelper,
  exit,
  jumpIf,
  label,
  load,
  loadMapValue,
  move,
  type Statement,
  store,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import type { BasicLayout } from './kernel-layout.ts';
import { learnedLayout } from './scan-memory.ts';

/** @param learnedMap fd of an array map of one learnedLayout */
export function learningProgram(kernel: BasicLayout, learnedMap: number): Statement[] {
  const { fields } = learnedLayout;
  const [file, learned] = ['r6', 'r7'] as const;
  return [
    load(file, 'r1', kernel.fileContext.file),
    jumpIf(file, '==', 0, 'done'),
    loadMapValue(learned, learnedMap),
    move('r1', file),
    callHelper(helpers.socketFromFile),
    jumpIf('r0', '==', 0, 'done'),
    load('r1', file, kernel.file.operations),
    store(learned, fields.socketOperations, 'r1'),
    // Whoever reads an iterator runs its program, so the current task is the agent.
    callHelper(helpers.currentTask),
    load('r1', 'r0', kernel.task.threadPid),
    load('r1', 'r1', kernel.pid.level),
    store(learned, fields.pidLevel, 'r1'),
    label('done'),
    move('r0', 0),
    exit(),
  ];
}
