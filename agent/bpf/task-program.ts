/**
 * iter/task, the outer half of the scan: run once for each thread, it picks the processes that have files, notes each
 * in the task table (process-program.ts) and has the inner half (fd-program.ts) walk its fd table, unless it recognises
 * the sockets of the process (imprint-program.ts).
 *
 * The kernel holds the RCU read lock meanwhile, so whatever a task points to keeps its memory, with one exception:
 * struct files_struct is freed at once. So a process whose files were replaced or released during the walk is taken
 * back, as if it had not been there: the fds may have been another's.
 */
import { walkCallback } from './fd-program.ts';
import { beginImprint, type ImprintOptions, leaveImprint, recogniseProcess } from './imprint-program.ts';
import { exit, jump, jumpIf, label, load, move, type Statement, store } from './instruction.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { noteTable, walkGroups } from './open-slots.ts';
import {
  entry,
  keepEntry,
  noteProcess,
  type ProcessProgramOptions,
  process,
  processStack,
  thread,
} from './process-program.ts';
import { castTo, control, count, mixIn } from './record-program.ts';
import { controlLayout, taskLayout } from './scan-memory.ts';
import { type SlotsPerCall, walkArguments } from './stack.ts';

const stack = { ...processStack, walk: walkArguments(-32) } as const;

const { fields: counters } = controlLayout;

export interface TaskProgramOptions extends ProcessProgramOptions {
  /** As fd-program.ts has it. */
  readonly slotsPerCall: SlotsPerCall;
  /** Null for a program that recognises nobody and leaves no imprints, as it runs once. */
  readonly imprint: ImprintOptions | null;
}

/** Goes before the statements of fd-program.ts and imprint-program.ts, whose labels it names. */
export function taskProgram(kernel: KernelLayout, options: TaskProgramOptions): Statement[] {
  const { imprint } = options;
  return [
    ...noteProcess(kernel, options, doubtThread(kernel)),
    ...noteConnections(kernel),
    ...findFiles(kernel, options.slotsPerCall),
    ...(imprint === null ? walkFiles(walkCallback) : readOrRecognise(kernel, imprint)),
    ...keepOrTakeBack(kernel),
    label('done'),
    move('r0', 0),
    exit(),
  ];
}

function readOrRecognise(kernel: KernelLayout, imprint: ImprintOptions): Statement[] {
  return [
    ...recogniseProcess(kernel, imprint, walkFiles, 'read'),
    jump('keep-or-take-back'),
    label('read'),
    ...beginImprint(),
    ...walkFiles(walkCallback),
    ...leaveImprint(kernel, imprint, 'keep-or-take-back'),
    label('keep-or-take-back'),
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
    load('r2', 'r1', net.inode),
    load('r1', 'r1', net.timeWaits),
    // Of processes in a row that are in one namespace, the first counts: others come and go.
    load('r3', control, counters.lastNetns),
    jumpIf('r2', '==', 'r3', 'time-waits-are-counted'),
    store(control, counters.lastNetns, 'r2'),
    move('r4', 'r1'),
    ...mixIn(counters.counts),
    move('r1', 'r4'),
    label('time-waits-are-counted'),
    jumpIf('r1', '<', 2, 'no-time-waits'),
    ...count(counters.passing),
    label('no-time-waits'),
  ];
}

/** What the walk is called with. */
function findFiles(kernel: KernelLayout, slotsPerCall: SlotsPerCall): Statement[] {
  const { files, fdTable, task } = kernel;
  return [
    load('r1', 'fp', stack.pid),
    store('fp', stack.walk.pid, 'r1'),
    load('r1', process, task.startNs),
    store('fp', stack.walk.startLow, 'r1'),
    load('r1', thread, task.files),
    load('r1', 'r1', files.table),
    load('r2', 'r1', fdTable.files),
    store('fp', stack.walk.slots, 'r2'),
    ...noteTable(kernel, 'r1', slotsPerCall),
  ];
}

function walkFiles(callback: string): Statement[] {
  return walkGroups(callback, stack.walk.slots);
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
