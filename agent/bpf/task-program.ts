/**
 * iter/task, the outer half of the scan: run once for each thread, it picks the processes that have files, notes each
 * in the task table (process-program.ts) and has the inner half (fd-program.ts) walk its fd table.
 *
 * The kernel holds the RCU read lock meanwhile, so whatever a task points to keeps its memory, with one exception:
 * struct files_struct is freed at once. So a process whose files were replaced or released during the walk is taken
 * back, as if it had not been there: the fds may have been another's.
 */
import { walkCallback } from './fd-program.ts';
import {
  add,
  callHelper,
  exit,
  jump,
  jumpIf,
  label,
  load,
  loadCallback,
  move,
  type Statement,
  shiftRight,
  store,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import type { KernelLayout } from './kernel-layout.ts';
import {
  entry,
  keepEntry,
  noteProcess,
  type ProcessProgramOptions,
  process,
  processStack,
  thread,
} from './process-program.ts';
import { castTo, control, count } from './record-program.ts';
import { controlLayout, taskLayout } from './scan-memory.ts';
import { type SlotsPerCall, walkArguments } from './stack.ts';

const stack = { ...processStack, walk: walkArguments(-32) } as const;

const { fields: counters } = controlLayout;

export interface TaskProgramOptions extends ProcessProgramOptions {
  /** As fd-program.ts has it. */
  readonly slotsPerCall: SlotsPerCall;
}

/** Goes before the statements of fd-program.ts, whose label it names. */
export function taskProgram(kernel: KernelLayout, options: TaskProgramOptions): Statement[] {
  return [
    ...noteProcess(kernel, options, doubtThread(kernel)),
    ...noteConnections(kernel),
    ...walkFiles(kernel, options.slotsPerCall),
    ...keepOrTakeBack(kernel),
    label('done'),
    move('r0', 0),
    exit(),
  ];
}

/**
 * What a task that is trusted points to, the verifier looks up in all of the kernel's types by name, step by step: the
 * better part of the time that it takes to load the program.
 */
export function doubtThread(kernel: KernelLayout): Statement[] {
  return [move('r1', thread), ...castTo(kernel, 'task'), move(thread, 'r0')];
}

function noteConnections({ task, namespaces, net }: KernelLayout): Statement[] {
  return [
    load('r1', thread, task.namespaces),
    load('r1', 'r1', namespaces.net),
    load('r2', 'r1', net.connections),
    store(entry, taskLayout.fields.connections, 'r2'),
    load('r1', 'r1', net.timeWaits),
    jumpIf('r1', '<', 2, 'no-time-waits'),
    ...count(counters.passing),
    label('no-time-waits'),
  ];
}

function walkFiles({ files, fdTable, task }: KernelLayout, slotsPerCall: SlotsPerCall): Statement[] {
  return [
    load('r1', 'fp', stack.pid),
    store('fp', stack.walk.pid, 'r1'),
    load('r1', process, task.startNs),
    store('fp', stack.walk.startLow, 'r1'),
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
    ...keepEntry(),
  ];
}
