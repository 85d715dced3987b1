/**
 * The records of an MPTCP socket: one for each of its subflows, which are the TCP connections that the kernel's socket
 * tables show in its place (struct mptcp_sock and mptcp_subflow_context, net/mptcp/protocol.h). All of them have its inode.
 *
 *     mptcp_sock.conn_list → mptcp_subflow_context.node → ... → mptcp_sock.conn_list
 *                            mptcp_subflow_context.tcp_sock → sock
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

/** What is known of the socket before, as the program that found it leaves it on its stack. @param start of 32 bytes */
export function subflowArguments(start: number) {
  return {
    start,
    /** Address of the socket. */
    socket: stackSlot('socket', start, 8),
    inode: stackSlot('inode', start + 8, 8),
    fd: stackSlot('fd', start + 16, 4),
    pid: stackSlot('pid', start + 20, 4),
    startLow: stackSlot('startLow', start + 24, 4),
  } as const;
}

/** The same through a pointer to their start. */
const passed = subflowArguments(0);

const stack = {
  key: stackSlot('key', -8, 4),
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
  const { mptcp } = kernel;
  if (mptcp === null) return [];
  return [
    store('fp', stack.passed, 'r1'),
    load(node, 'r1', passed.socket),
    add(node, mptcp.subflows.offset),
    store('fp', stack.head, node),
    ...copy(stack.next, 'fp', node, 0),
    ...Array.from({ length: subflowsMax }, (_, number) => describeSubflow(kernel, recordMap, number)).flat(),
    label('no-more-subflows'),
  ];
}

/** Label of subflowFunction. */
export const subflowCallback = 'subflows';

/** subflowProgram as a callback of bpf_loop, whose context is subflowArguments. */
export function subflowFunction(
  kernel: BasicLayout,
  { recordMap, controlMap }: { readonly recordMap: number; readonly controlMap: number },
): Statement[] {
  return [
    label(subflowCallback),
    move('r1', 'r2'),
    loadMapValue(control, controlMap),
    ...subflowProgram(kernel, recordMap),
    move('r0', 0),
    exit(),
  ];
}

function describeSubflow(kernel: BasicLayout, recordMap: number, number: number): Statement[] {
  const { subflow: context } = kernel.mptcp!;
  const [name, next] = [`subflow-${number}`, `after-subflow-${number}`];
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
    ...describeHolder(number),
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

function describeHolder(number: number): Statement[] {
  return [
    load('r1', 'fp', stack.passed),
    ...(['pid', 'startLow', 'fd', 'inode'] as const).flatMap((field) => [
      load('r2', 'r1', passed[field]),
      store(filling, fields[field], 'r2'),
    ]),
    store(filling, fields.protocol, protocols.tcp),
    store(filling, fields.subflow, number),
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
