/**
 * The parts of an iter/task program that pick the processes that have files and note each in the task table.
 *
 * A process is visited thread by thread. All of this goes on at `done` for a thread that is none to take.
 */
import {
  add,
  and,
  callHelper,
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
import { pidNumber } from './pid-number.ts';
import { control, count, record, takeRecord } from './record-program.ts';
import { controlLayout, taskLayout } from './scan-memory.ts';
import { stackSlot } from './stack.ts';

/** PF_KTHREAD of include/linux/sched.h: a thread of the kernel, which only borrows files. */
export const kernelThreadFlag = 0x00200000;

/** What is kept on the stack; what is below is the rest of the program's. */
export const processStack = {
  key: stackSlot('key', -8, 4),
  pid: stackSlot('pid', -4, 4),
  /** Those of the thread, when it was picked. */
  files: stackSlot('files', -16, 8),
} as const;

/** `thread` is what the iterator shows, `process` the first thread of its process, `entry` a taskLayout. */
export const [thread, entry, process] = ['r6', 'r7', 'r8'] as const;

const { fields: counters } = controlLayout;

export interface ProcessProgramOptions {
  /** Fds of the maps of taskLayout and of one controlLayout. */
  readonly taskMap: number;
  readonly controlMap: number;
  /** Which of the numbers of a pid the agent knows it by. */
  readonly pidLevel: number;
}

/**
 * Notes a process; its entry counts after keepEntry.
 *
 * @param asThread what becomes of `thread` before anything is read through it
 */
export function noteProcess(
  kernel: BasicLayout,
  options: ProcessProgramOptions,
  asThread: readonly Statement[] = [],
): Statement[] {
  return [
    load(thread, 'r1', kernel.taskContext.task),
    jumpIf(thread, '==', 0, 'done'),
    ...asThread,
    loadMapValue(control, options.controlMap),
    ...pickProcess(kernel),
    // Until it is noted, the pid is where the entry will be.
    ...pidNumber(kernel, entry, process, options.pidLevel, 'pid-known'),
    jumpIf(entry, '==', 0, 'done'),
    store('fp', processStack.pid, entry),
    ...takeEntry(options.taskMap),
    ...describeProcess(kernel, options.pidLevel),
  ];
}

export function keepEntry(): Statement[] {
  return count(counters.tasks);
}

/**
 * A process is taken at its first thread. Where that one has exited, it has no files any more, and the process is
 * taken at the first other thread that has some.
 */
function pickProcess({ task }: BasicLayout): Statement[] {
  return [
    move(process, thread),
    load('r3', thread, task.files),
    jumpIf('r3', '==', 0, 'done'),
    store('fp', processStack.files, 'r3'),
    load('r1', thread, task.tid),
    load('r2', thread, task.pid),
    jumpIf('r1', '==', 'r2', 'picked'),
    load(process, thread, task.leader),
    load('r2', process, task.files),
    jumpIf('r3', '==', 'r2', 'done'),
    load('r2', control, counters.threadFiles),
    jumpIf('r3', '==', 'r2', 'done'),
    store(control, counters.threadFiles, 'r3'),
    label('picked'),
    load('r1', process, task.flags),
    and('r1', kernelThreadFlag),
    jumpIf('r1', '!=', 0, 'done'),
  ];
}

function takeEntry(taskMap: number): Statement[] {
  const room = { records: counters.tasks, missedRecords: counters.missedTasks, key: processStack.key };
  return [...takeRecord(taskMap, room, 'entry', 'done'), move(entry, record)];
}

function describeProcess(kernel: BasicLayout, pidLevel: number): Statement[] {
  const { task } = kernel;
  const { fields } = taskLayout;
  return [
    load('r1', 'fp', processStack.pid),
    store(entry, fields.pid, 'r1'),
    ...pidNumber(kernel, 'r4', thread, pidLevel, 'tid-known'),
    store(entry, fields.tid, 'r4'),
    load('r3', process, task.parent),
    load('r3', 'r3', task.leader),
    ...pidNumber(kernel, 'r4', 'r3', pidLevel, 'parent-known'),
    store(entry, fields.parentPid, 'r4'),
    load('r1', process, task.startNs),
    store(entry, fields.startNs, 'r1'),
    load('r1', thread, task.cgroups),
    load('r1', 'r1', kernel.cgroups.unified),
    load('r1', 'r1', kernel.cgroup.node),
    load('r1', 'r1', kernel.cgroupNode.id),
    store(entry, fields.cgroup, 'r1'),
    load('r1', process, task.credentials),
    load('r1', 'r1', kernel.credentials.uid),
    store(entry, fields.uid, 'r1'),
    load('r1', thread, task.namespaces),
    load('r1', 'r1', kernel.namespaces.net),
    load('r2', 'r1', kernel.net.inode),
    store(entry, fields.netns, 'r2'),
    load('r1', control, counters.records),
    store(entry, fields.firstRecord, 'r1'),
    store(entry, fields.held, 0),
    store(entry, fields.before, 0),
    move('r1', entry),
    add('r1', fields.comm.offset),
    move('r2', fields.comm.bytes),
    move('r3', process),
    add('r3', task.comm.offset),
    callHelper(helpers.probeReadKernel),
  ];
}
