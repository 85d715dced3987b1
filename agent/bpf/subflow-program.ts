/**
 * The records of an MPTCP socket: one for each of its subflows, which are the TCP connections that the kernel's socket
 * tables show in its place (struct mptcp_sock and mptcp_subflow_context, net/mptcp/protocol.h). All of them have its inode.
 *
 *     mptcp_sock.conn_list → mptcp_subflow_context.node → ... → mptcp_sock.conn_list
 *                            mptcp_subflow_context.tcp_sock → sock
 *
 * Where the kernel has bpf_loop, a function that is called for each subflow makes the record, so that the verifier looks at
 * one and not at as many as there may be; else they stand one behind the other.
 *
 * Such a socket is known by its address alone, so everything is copied with the helper that Linux 5.5 brought. Nobody
 * keeps the list from changing meanwhile: what is copied from memory that is no subflow any more is a record that the next
 * scan does not show.
 */
import type { Field } from './btf.ts';
import {
  add,
  callHelper,
  exit,
  jump,
  jumpIf,
  label,
  load,
  loadCallback,
  loadMapValue,
  move,
  networkToHost16,
  type Register,
  type Statement,
  store,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import type { BasicLayout } from './kernel-layout.ts';
import {
  control,
  count,
  families,
  keepRecord,
  mappedWord,
  part,
  protocols,
  record,
  states,
  takeRecord,
} from './record-program.ts';
import { controlLayout, recordLayout } from './scan-memory.ts';
import { stackSlot } from './stack.ts';

/** The first one, and as many others as the kernel lets a connection have (MPTCP_SUBFLOWS_MAX). */
export const subflowsMax = 9;

/**
 * What is known of the socket before, as the program that found it leaves it on its stack.
 *
 * @param start of 32 bytes; of 48 for subflowFunction
 */
export function subflowArguments(start: number) {
  return {
    start,
    /** Address of the socket. */
    socket: stackSlot('socket', start, 8),
    inode: stackSlot('inode', start + 8, 8),
    fd: stackSlot('fd', start + 16, 4),
    pid: stackSlot('pid', start + 20, 4),
    startLow: stackSlot('startLow', start + 24, 4),
    /** How far subflowFunction is: addresses of the list's end, and of its member that comes next. */
    head: stackSlot('head', start + 32, 8),
    next: stackSlot('next', start + 40, 8),
  } as const;
}

/** The same through a pointer to their start. */
const passed = subflowArguments(0);

const stack = {
  key: stackSlot('key', -8, 4),
  /** Of the subflow among those of its socket, from 0. */
  number: stackSlot('number', -4, 4),
  /** For what is copied on its way to somewhere else. */
  word: stackSlot('word', -16, 8),
  next: stackSlot('next', -24, 8),
  head: stackSlot('head', -32, 8),
  passed: stackSlot('passed', -40, 8),
} as const;

/** What of the caller's stack is used, where this is not a function of its own. */
export const subflowStackBytes = 40;

/** Addresses of the list's member and of its subflow; the record that is being filled. */
const [node, subflow, filling] = ['r6', 'r8', 'r7'] as const;

const { fields } = recordLayout;
const counters = { ...controlLayout.fields, key: stack.key };

/**
 * r1 = where subflowArguments begin; `control` is the map that counts. All registers but that are lost. It ends behind its
 * last statement.
 *
 * @param recordMap fd of a map of recordLayout
 */
export function subflowProgram(kernel: BasicLayout, recordMap: number): Statement[] {
  if (kernel.mptcp === null) return [];
  const each = (number: number): Statement[] => [
    store('fp', stack.number, number),
    ...describeSubflow(kernel, recordMap, `subflow-${number}`),
  ];
  return [
    store('fp', stack.passed, 'r1'),
    ...findSubflows(kernel, stack, 'r1', passed.socket),
    ...Array.from({ length: subflowsMax }, (_, number) => each(number)).flat(),
    label('no-more-subflows'),
  ];
}

/** Label of subflowFunction. */
export const subflowCallback = 'subflow';

/** Has subflowFunction make the records. Only the registers that a call loses are lost. @param known as passed, on the stack */
export function callSubflowFunction(
  kernel: BasicLayout,
  known: ReturnType<typeof subflowArguments>,
): Statement[] {
  return [
    ...(kernel.mptcp === null ? [] : findSubflows(kernel, known, 'fp', known.socket)),
    move('r1', subflowsMax),
    loadCallback('r2', subflowCallback),
    move('r3', 'fp'),
    add('r3', known.start),
    move('r4', 0),
    callHelper(helpers.loop),
  ];
}

/** A callback of bpf_loop, whose context is subflowArguments: describes the next subflow, and ends the loop behind the last. */
export function subflowFunction(
  kernel: BasicLayout,
  { recordMap, controlMap }: { readonly recordMap: number; readonly controlMap: number },
): Statement[] {
  // A kernel that knows no such sockets wants to see the function all the same, as the program names it.
  if (kernel.mptcp === null) return [label(subflowCallback), move('r0', 1), exit()];
  const steps = ['head', 'next'] as const;
  return [
    label(subflowCallback),
    store('fp', stack.passed, 'r2'),
    store('fp', stack.number, 'r1'),
    ...steps.flatMap((step) => [load('r1', 'r2', passed[step]), store('fp', stack[step], 'r1')]),
    loadMapValue(control, controlMap),
    ...describeSubflow(kernel, recordMap, 'subflow'),
    load('r1', 'fp', stack.passed),
    load('r2', 'fp', stack.next),
    store('r1', passed.next, 'r2'),
    move('r0', 0),
    exit(),
    label('no-more-subflows'),
    move('r0', 1),
    exit(),
  ];
}

/** Onto the stack: the end and the beginning of the list. @param socket where its address is, relative to `from` */
function findSubflows(
  { mptcp }: BasicLayout,
  { head, next }: { readonly head: Field; readonly next: Field },
  from: Register,
  socket: Field,
): Statement[] {
  return [
    load('r1', from, socket),
    add('r1', mptcp!.subflows.offset),
    store('fp', head, 'r1'),
    ...copy(next, 'fp', 'r1', 0),
  ];
}

/** The subflow whose place in the list is in `next`, which moves on; goes to `no-more-subflows` where there is none. */
function describeSubflow(kernel: BasicLayout, recordMap: number, name: string): Statement[] {
  const { subflow: context } = kernel.mptcp!;
  const next = `after-${name}`;
  const members = kernel.sock;
  return [
    load(node, 'fp', stack.next),
    load('r1', 'fp', stack.head),
    jumpIf(node, '==', 'r1', 'no-more-subflows'),
    jumpIf(node, '==', 0, 'no-more-subflows'),
    ...copy(stack.next, 'fp', node, 0),
    ...copy(stack.word, 'fp', node, context.sock.offset - context.node.offset),
    load(subflow, 'fp', stack.word),
    jumpIf(subflow, '==', 0, next),
    ...takeRecord(recordMap, counters, name, next),
    move(filling, record),
    ...describeHolder(),
    ...copy(fields.state, filling, subflow, members.state.offset),
    load('r1', filling, fields.state),
    jumpIf('r1', '==', states.closed, next),
    ...copy(fields.localPort, filling, subflow, members.localPort.offset),
    load('r1', filling, fields.localPort),
    jumpIf('r1', '==', 0, next),
    ...copy(fields.remotePort, filling, subflow, members.remotePort.offset),
    load('r1', filling, fields.remotePort),
    networkToHost16('r1'),
    store(filling, fields.remotePort, 'r1'),
    ...copy(fields.uid, filling, subflow, members.uid.offset),
    ...copy(stack.word, 'fp', subflow, members.net.offset),
    load('r1', 'fp', stack.word),
    ...copy(fields.netns, filling, 'r1', kernel.net.inode.offset),
    ...describeAddresses(kernel, name),
    ...keepRecord(counters),
    ...countAcceptQueue(kernel, next),
    label(next),
  ];
}

function describeHolder(): Statement[] {
  return [
    load('r1', 'fp', stack.passed),
    ...(['pid', 'startLow', 'fd', 'inode'] as const).flatMap((field) => [
      load('r2', 'r1', passed[field]),
      store(filling, fields[field], 'r2'),
    ]),
    store(filling, fields.protocol, protocols.tcp),
    load('r1', 'fp', stack.number),
    store(filling, fields.subflow, 'r1'),
  ];
}

function describeAddresses({ sock }: BasicLayout, name: string): Statement[] {
  const [isIpv6, done] = [`${name}-is-ipv6`, `${name}-has-addresses`];
  const ipv4 = (to: Field, from: Field): Statement[] => [
    store(filling, part(to, 0, 8), 0),
    store(filling, part(to, 8, 4), mappedWord),
    ...copy(part(to, 12, 4), filling, subflow, from.offset),
  ];
  return [
    ...copy({ ...stack.word, bytes: sock.family.bytes }, 'fp', subflow, sock.family.offset),
    load('r1', 'fp', { ...stack.word, bytes: sock.family.bytes }),
    jumpIf('r1', '==', families.ipv6, isIpv6),
    ...ipv4(fields.localIp, sock.localIpv4),
    ...ipv4(fields.remoteIp, sock.remoteIpv4),
    jump(done),
    label(isIpv6),
    ...copy(fields.localIp, filling, subflow, sock.localIpv6.offset),
    ...copy(fields.remoteIp, filling, subflow, sock.remoteIpv6.offset),
    label(done),
  ];
}

/** Goes on at `next` for others than listeners, which have numbers there that mean nothing. */
function countAcceptQueue({ sock }: BasicLayout, next: string): Statement[] {
  const queued = { ...stack.word, bytes: sock.acceptQueue.bytes };
  return [
    load('r1', filling, fields.state),
    jumpIf('r1', '!=', states.listen, next),
    ...copy(queued, 'fp', subflow, sock.acceptQueue.offset),
    load('r1', 'fp', queued),
    jumpIf('r1', '==', 0, next),
    ...count(counters.acceptQueues),
    // How long the queue is goes into no count, so it may become another at any time.
    ...count(counters.handshakes),
  ];
}

/** `base->to` = what lies at that distance from the address in `from`; zeroes where nothing lies. */
function copy(to: Field, base: Register, from: Register, distance: number): Statement[] {
  return [
    move('r3', from),
    add('r3', distance),
    move('r1', base),
    add('r1', to.offset),
    move('r2', to.bytes),
    callHelper(helpers.probeReadKernel),
  ];
}
