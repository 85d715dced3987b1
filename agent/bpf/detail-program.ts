/**
 * iter/task, allowed to sleep: executable and command line of processes that are asked for, straight from their memory.
 * It takes no /proc, so no hidepid hides anything from it.
 *
 *     main         for each thread: picks the processes that are asked for, by pid
 *     path_part    for each folder above an executable: its name             (path-walk.ts)
 *     plain_area   for the memory with the arguments: whether it may be read (argument-copy.ts)
 */
import { plainArea, plainAreaCallback, readArguments } from './argument-copy.ts';
import type { DetailKernel } from './detail-kernel.ts';
import { detailControl, detailLayout, wantedMask } from './detail-memory.ts';
import { entry, process, stack, thread } from './detail-stack.ts';
import {
  add,
  and,
  exit,
  jumpIf,
  label,
  load,
  loadMapValue,
  move,
  type Statement,
  shiftLeft,
  shiftRight,
  store,
} from './instruction.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { findPath, pathPart, pathPartCallback } from './path-walk.ts';
import { pidNumber } from './pid-number.ts';
import { control, count, record, takeRecord } from './record-program.ts';
import { doubtThread } from './task-program.ts';

/** Labels of the callbacks, in the order in which they stand. */
export const detailCallbacks = [pathPartCallback, plainAreaCallback] as const;

const { fields } = detailLayout;
const { fields: shared } = detailControl;

export interface DetailProgramOptions {
  /** Fds of the maps of detailLayout and of one detailControl. */
  readonly entryMap: number;
  readonly controlMap: number;
  /** Which of the numbers of a pid the agent knows it by. */
  readonly pidLevel: number;
}

export function detailProgram(
  kernel: KernelLayout,
  details: DetailKernel,
  options: DetailProgramOptions,
): Statement[] {
  return [
    load(thread, 'r1', kernel.taskContext.task),
    jumpIf(thread, '==', 0, 'done'),
    store('fp', stack.task, thread),
    ...doubtThread(kernel),
    loadMapValue(control, options.controlMap),
    ...pickProcess(kernel, details),
    // Until it is known to be asked for, the pid is where the entry will be.
    ...pidNumber(kernel, entry, process, options.pidLevel, 'pid-known'),
    jumpIf(entry, '==', 0, 'done'),
    store('fp', stack.pid, entry),
    ...passOverUnasked(),
    ...takeEntry(options.entryMap),
    ...beginEntry(kernel),
    ...findPath(details),
    ...readArguments(details),
    ...count(shared.entries),
    load('r1', 'fp', stack.pid),
    store(control, shared.last, 'r1'),
    label('done'),
    move('r0', 0),
    exit(),
    ...pathPart(kernel, details, options),
    ...plainArea(details),
  ];
}

/**
 * As task-program.ts does it, by memory instead of files: the kernel's own threads have none, and neither has a first
 * thread that has exited.
 */
function pickProcess({ task }: KernelLayout, { memoryOfTask }: DetailKernel): Statement[] {
  return [
    move(process, thread),
    load('r3', thread, memoryOfTask),
    jumpIf('r3', '==', 0, 'done'),
    load('r1', thread, task.tid),
    load('r2', thread, task.pid),
    jumpIf('r1', '==', 'r2', 'picked'),
    load(process, thread, task.leader),
    load('r2', process, memoryOfTask),
    jumpIf('r2', '!=', 0, 'done'),
    load('r2', control, shared.threadMemory),
    jumpIf('r3', '==', 'r2', 'done'),
    store(control, shared.threadMemory, 'r3'),
    label('picked'),
  ];
}

/** By the pid in `entry`: its bit, and those that an earlier look has described. */
function passOverUnasked(): Statement[] {
  const word = { ...shared.wanted, bytes: 8 };
  return [
    load('r1', control, shared.after),
    jumpIf('r1', '>', entry, 'done'),
    jumpIf('r1', '==', entry, 'done'),
    move('r1', entry),
    and('r1', wantedMask),
    move('r2', 'r1'),
    and('r2', 63),
    shiftRight('r1', 6),
    shiftLeft('r1', 3),
    move('r3', control),
    add('r3', 'r1'),
    load('r1', 'r3', word),
    shiftRight('r1', 'r2'),
    and('r1', 1),
    jumpIf('r1', '==', 0, 'done'),
  ];
}

function takeEntry(entryMap: number): Statement[] {
  const room = { records: shared.entries, missedRecords: shared.missed, key: stack.key };
  return [...takeRecord(entryMap, room, 'entry', 'done'), move(entry, record)];
}

function beginEntry(kernel: KernelLayout): Statement[] {
  return [
    load('r1', 'fp', stack.pid),
    store(entry, fields.pid, 'r1'),
    load('r1', process, kernel.task.startNs),
    store(entry, fields.startNs, 'r1'),
    ...[fields.pathBytes, fields.argsBytes, fields.argsRead, fields.isBusy].map((field) =>
      store(entry, field, 0),
    ),
  ];
}
