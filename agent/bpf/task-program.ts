/**
 * iter/task, the outer half of the scan: run once for each thread, it picks the processes that have files, notes each
 * in the task table and has the inner half (fd-program.ts) walk its fd table.
 *
 * The kernel holds the RCU read lock meanwhile, so whatever a task points to keeps its memory, with one exception:
 * struct files_struct is freed at once. So a process whose files were replaced or released during the walk is taken
 * back, as if it had not been there: the fds may have been another's.
 */
import { slotsPerCall, walkCallback } from './fd-program.ts';
import {
  add,
  and,
  callHelper,
  exit,
  jump,
  jumpIf,
  label,
  load,
  loadCallback,
  loadMap,
  loadMapValue,
  move,
  type Statement,
  shiftRight,
  store,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { pidNumber } from './pid-number.ts';
import { control, count } from './record-program.ts';
import { controlLayout, taskLayout } from './scan-memory.ts';
import { stackSlot, walkArguments } from './stack.ts';

/** PF_KTHREAD of include/linux/sched.h: a thread of the kernel, which only borrows files. */
const kernelThreadFlag = 0x00200000;

const stack = {
  key: stackSlot('key', -8, 4),
  files: stackSlot('files', -16, 8),
  walk: walkArguments(-32),
} as const;

/** `thread` is what the iterator shows, `process` the first thread of its process, `entry` a taskLayout. */
const [thread, entry, process] = ['r6', 'r7', 'r8'] as const;

const { fields: counters } = controlLayout;

export interface TaskProgramOptions {
  /** Fds of the maps of taskLayout and of one controlLayout. */
  readonly taskMap: number;
  readonly controlMap: number;
  /** Which of the numbers of a pid the agent knows it by. */
  readonly pidLevel: number;
}

/** Goes before the statements of fd-program.ts, whose label it names. */
export function taskProgram(kernel: KernelLayout, options: TaskProgramOptions): Statement[] {
  return [
    load(thread, 'r1', kernel.taskContext.task),
    jumpIf(thread, '==', 0, 'done'),
    loadMapValue(control, options.controlMap),
    ...pickProcess(kernel),
    // Until it is noted, the pid is where the entry will be.
    ...pidNumber(kernel, entry, process, options.pidLevel, 'pid-known'),
    jumpIf(entry, '==', 0, 'done'),
    store('fp', stack.walk.pid, entry),
    ...takeEntry(options.taskMap),
    ...describeProcess(kernel, options.pidLevel),
    ...walkFiles(kernel),
    ...keepOrTakeBack(kernel),
    label('done'),
    move('r0', 0),
    exit(),
  ];
}

/**
 * A process is taken at its first thread. Where that one has exited, it has no files any more, and the process is
 * taken at the first other thread that has some.
 */
function pickProcess({ task }: KernelLayout): Statement[] {
  return [
    move(process, thread),
    load('r3', thread, task.files),
    jumpIf('r3', '==', 0, 'done'),
    store('fp', stack.files, 'r3'),
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
  return [
    load('r1', control, counters.tasks),
    store('fp', stack.key, 'r1'),
    move('r2', 'fp'),
    add('r2', stack.key.offset),
    loadMap('r1', taskMap),
    callHelper(helpers.mapLookup),
    jumpIf('r0', '!=', 0, 'has-entry'),
    ...count(counters.missedTasks),
    jump('done'),
    label('has-entry'),
    move(entry, 'r0'),
  ];
}

function describeProcess(kernel: KernelLayout, pidLevel: number): Statement[] {
  const { task } = kernel;
  const { fields } = taskLayout;
  return [
    load('r1', 'fp', stack.walk.pid),
    store(entry, fields.pid, 'r1'),
    ...pidNumber(kernel, 'r4', thread, pidLevel, 'tid-known'),
    store(entry, fields.tid, 'r4'),
    load('r3', process, task.parent),
    load('r3', 'r3', task.leader),
    ...pidNumber(kernel, 'r4', 'r3', pidLevel, 'parent-known'),
    store(entry, fields.parentPid, 'r4'),
    load('r1', process, task.startNs),
    store(entry, fields.startNs, 'r1'),
    store('fp', stack.walk.startLow, 'r1'),
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
    load('r2', 'r1', kernel.net.connections),
    store(entry, fields.connections, 'r2'),
    load('r1', 'r1', kernel.net.timeWaits),
    jumpIf('r1', '<', 2, 'no-time-waits'),
    ...count(counters.passing),
    label('no-time-waits'),
    load('r1', control, counters.records),
    store(entry, fields.firstRecord, 'r1'),
    move('r1', entry),
    add('r1', fields.comm.offset),
    move('r2', fields.comm.bytes),
    move('r3', process),
    add('r3', task.comm.offset),
    callHelper(helpers.probeReadKernel),
  ];
}

function walkFiles({ files, fdTable, task }: KernelLayout): Statement[] {
  return [
    load('r1', thread, task.files),
    load('r1', 'r1', files.table),
    load('r2', 'r1', fdTable.files),
    store('fp', stack.walk.slots, 'r2'),
    load('r1', 'r1', fdTable.size),
    add('r1', slotsPerCall - 1),
    shiftRight('r1', Math.log2(slotsPerCall)),
    loadCallback('r2', walkCallback),
    move('r3', 'fp'),
    add('r3', stack.walk.start),
    move('r4', 0),
    callHelper(helpers.loop),
  ];
}

/** An entry counts once the counter is past it. */
function keepOrTakeBack({ task }: KernelLayout): Statement[] {
  return [
    load('r1', thread, task.files),
    load('r2', 'fp', stack.files),
    jumpIf('r1', '==', 'r2', 'keep'),
    load('r1', entry, taskLayout.fields.firstRecord),
    store(control, counters.records, 'r1'),
    jump('done'),
    label('keep'),
    ...count(counters.tasks),
  ];
}
