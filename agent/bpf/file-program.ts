/**
 * iter/task_file: run by the kernel for each file of each process, it makes a record of each socket that stands in a
 * socket table of the kernel. What the kernel hands to it is held open meanwhile, so there is nothing to look at twice.
 *
 * It does what fd-program.ts does with what Linux 5.11 has, at two to three times the cost.
 */
import {
  add,
  callHelper,
  exit,
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
import type { BasicLayout } from './kernel-layout.ts';
import { pidNumber } from './pid-number.ts';
import {
  control,
  countAcceptQueue,
  describeState,
  describeTuple,
  keepRecord,
  passOverOthers,
  protocols,
  record,
  sock,
  takeRecord,
} from './record-program.ts';
import { controlLayout, recordLayout } from './scan-memory.ts';
import { stackSlot } from './stack.ts';
import { subflowArguments, subflowProgram, subflowStackBytes } from './subflow-program.ts';

const stack = {
  key: stackSlot('key', -8, 4),
  pid: stackSlot('pid', -12, 4),
  fd: stackSlot('fd', -16, 4),
  /** For subflow-program.ts, which uses what is above it, too. */
  subflows: subflowArguments(-40 - subflowStackBytes),
} as const;

/** `process` is the first thread of the process. */
const [file, process] = ['r6', 'r7'] as const;

const { fields } = recordLayout;
const counters = { ...controlLayout.fields, key: stack.key };

export interface FileProgramOptions {
  /** Fds of the maps of recordLayout and of one controlLayout. */
  readonly recordMap: number;
  readonly controlMap: number;
  /** Which of the numbers of a pid the agent knows it by. */
  readonly pidLevel: number;
}

export function fileProgram(kernel: BasicLayout, options: FileProgramOptions): Statement[] {
  return [
    ...findSock(kernel),
    loadMapValue(control, options.controlMap),
    ...passOverOthers(kernel, 'socket', 'done'),
    ...pickProcess(kernel),
    ...pidNumber(kernel, 'r1', process, options.pidLevel, 'pid-known'),
    jumpIf('r1', '==', 0, 'done'),
    store('fp', stack.pid, 'r1'),
    load('r1', sock, kernel.sock.protocol),
    jumpIf('r1', '==', protocols.mptcp, 'is-mptcp'),
    ...takeRecord(options.recordMap, counters, 'socket', 'done'),
    ...describeHolder(kernel),
    ...describeState(kernel, 'socket', 'done'),
    ...describeTuple(kernel, 'socket', 'done'),
    ...keepRecord(counters),
    ...countAcceptQueue(kernel, counters.acceptQueues, 'socket', 'done'),
    jump('done'),
    label('is-mptcp'),
    ...describeSubflows(kernel, options.recordMap),
    label('done'),
    move('r0', 0),
    exit(),
  ];
}

/** Most files are no sockets: what is known of the process waits until one is. */
function findSock(kernel: BasicLayout): Statement[] {
  const { task, fd, file: opened } = kernel.fileContext;
  return [
    load(file, 'r1', opened),
    jumpIf(file, '==', 0, 'done'),
    load(process, 'r1', task),
    jumpIf(process, '==', 0, 'done'),
    load('r2', 'r1', { ...fd, bytes: stack.fd.bytes }),
    store('fp', stack.fd, 'r2'),
    move('r1', file),
    callHelper(helpers.socketFromFile),
    jumpIf('r0', '==', 0, 'done'),
    load(sock, 'r0', kernel.socket.sock),
    jumpIf(sock, '==', 0, 'done'),
  ];
}

/**
 * `process` = the first thread of what it is. The kernel passes over threads that share the files of a first thread that
 * lives; where that one has exited, the first of those that are left counts.
 */
function pickProcess({ task }: BasicLayout): Statement[] {
  const { threadFiles, thread } = counters;
  return [
    load('r1', process, task.tid),
    load('r2', process, task.pid),
    jumpIf('r1', '==', 'r2', 'picked'),
    load('r3', process, task.files),
    jumpIf('r3', '==', 0, 'done'),
    load('r2', control, threadFiles),
    jumpIf('r3', '!=', 'r2', 'other-files'),
    load('r2', control, thread),
    jumpIf('r1', '!=', 'r2', 'done'),
    label('other-files'),
    store(control, threadFiles, 'r3'),
    store(control, thread, 'r1'),
    load(process, process, task.leader),
    label('picked'),
  ];
}

function describeHolder(kernel: BasicLayout): Statement[] {
  return [
    load('r1', 'fp', stack.pid),
    store(record, fields.pid, 'r1'),
    load('r1', process, kernel.task.startNs),
    store(record, fields.startLow, 'r1'),
    load('r1', 'fp', stack.fd),
    store(record, fields.fd, 'r1'),
    load('r1', file, kernel.file.inode),
    load('r1', 'r1', kernel.inode.number),
    store(record, fields.inode, 'r1'),
    load('r1', sock, kernel.sock.uid),
    store(record, fields.uid, 'r1'),
  ];
}

function describeSubflows(kernel: BasicLayout, recordMap: number): Statement[] {
  const { subflows } = stack;
  return [
    store('fp', subflows.socket, sock),
    load('r1', file, kernel.file.inode),
    load('r1', 'r1', kernel.inode.number),
    store('fp', subflows.inode, 'r1'),
    load('r1', 'fp', stack.fd),
    store('fp', subflows.fd, 'r1'),
    load('r1', 'fp', stack.pid),
    store('fp', subflows.pid, 'r1'),
    load('r1', process, kernel.task.startNs),
    store('fp', subflows.startLow, 'r1'),
    move('r1', 'fp'),
    add('r1', subflows.start),
    ...subflowProgram(kernel, recordMap),
  ];
}
