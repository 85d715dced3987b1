/**
 * iter/task over the agent's own threads, as an occasion to run: walks the hash table in which TCP keeps everything but
 * listeners (struct inet_hashinfo, include/net/inet_hashtables.h), for the sockets that no file leads to.
 *
 *     task → buckets   some buckets for each thread, so that the kernel may do something else in between
 *     buckets → chain  for each bucket that is not empty, all sockets in it; a chain ends with an odd "address"
 *     chain → record   TIME_WAIT and requests, which are not whole sockets; and whole ones without a file
 *
 * One table serves all network namespaces, unless net.ipv4.tcp_child_ehash_entries gives new ones their own. The one that
 * is walked is that of the agent's namespace.
 */

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
  loadMapValue,
  move,
  type Statement,
  shiftLeft,
  shiftRight,
  store,
  subtract,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import type { KernelLayout } from './kernel-layout.ts';
import {
  castTo,
  control,
  describeTuple,
  keepRecord,
  protocols,
  readWord,
  record,
  sock,
  takeRecord,
} from './record-program.ts';
import { recordLayout, walkLayout } from './scan-memory.ts';
import { stackSlot } from './stack.ts';

/** Labels of the callbacks. */
export const connectionCallbacks = ['buckets', 'chain'] as const;

/** About half a millisecond. */
const bucketsPerThread = 1 << 16;

/** How many buckets one call looks at: a cache line of them. */
const bucketsPerCall = 8;

/** Longer chains are cut: a table that is as crowded as that is not worth the time. */
const chainMax = 4096;

/** TCP_*. */
const states = { established: 1, timeWait: 6, closeWait: 8, newSynRecv: 12 } as const;

const { fields } = recordLayout;
const { fields: shared } = walkLayout;

/** What the callbacks get: one address. */
const passed = { buckets: stackSlot('buckets', 0, 8), node: stackSlot('node', 0, 8) } as const;

export interface ConnectionProgramOptions {
  /** Fds of the maps of recordLayout and of one walkLayout. */
  readonly recordMap: number;
  readonly controlMap: number;
}

export function connectionProgram(kernel: KernelLayout, options: ConnectionProgramOptions): Statement[] {
  return [...chooseBuckets(kernel, options), ...walkBuckets(kernel), ...walkChain(kernel, options)];
}

function chooseBuckets(kernel: KernelLayout, { controlMap }: ConnectionProgramOptions): Statement[] {
  const buckets = stackSlot('buckets', -8, 8);
  const [table, mask] = ['r6', 'r7'] as const;
  return [
    load('r1', 'r1', kernel.taskContext.task),
    jumpIf('r1', '==', 0, 'done'),
    loadMapValue(control, controlMap),
    load('r1', 'r1', kernel.task.namespaces),
    load('r1', 'r1', kernel.namespaces.net),
    load(table, 'r1', kernel.net.connections),
    load(mask, table, kernel.connections.mask),
    // Such a small table does not fill one call.
    jumpIf(mask, '<', bucketsPerCall - 1, 'done'),
    move('r1', mask),
    add('r1', 1),
    store(control, shared.buckets, 'r1'),
    move('r1', table),
    add('r1', kernel.connections.buckets.offset),
    ...readWord(kernel),
    load('r2', control, shared.bucket),
    jumpIf('r2', '>', mask, 'done'),
    move('r3', 'r2'),
    shiftLeft('r3', Math.log2(kernel.bucketBytes)),
    add('r1', 'r3'),
    store('fp', buckets, 'r1'),
    move('r1', mask),
    add('r1', 1),
    subtract('r1', 'r2'),
    jumpIf('r1', '<', bucketsPerThread, 'few'),
    move('r1', bucketsPerThread),
    label('few'),
    add('r2', 'r1'),
    store(control, shared.bucket, 'r2'),
    shiftRight('r1', Math.log2(bucketsPerCall)),
    ...callBack('buckets', buckets.offset),
    label('done'),
    move('r0', 0),
    exit(),
  ];
}

/** bpf_loop, r1 times. @param place of the callback's argument on the stack */
function callBack(callback: (typeof connectionCallbacks)[number], place: number): Statement[] {
  return [
    loadCallback('r2', callback),
    move('r3', 'fp'),
    add('r3', place),
    move('r4', 0),
    callHelper(helpers.loop),
  ];
}

function walkBuckets(kernel: KernelLayout): Statement[] {
  const node = stackSlot('node', -8, 8);
  const first = 'r6';
  const lookAtBucket = (bucket: number): Statement[] => [
    move('r1', first),
    add('r1', bucket * kernel.bucketBytes),
    ...readWord(kernel),
    move('r2', 'r1'),
    and('r2', 1),
    jumpIf('r2', '!=', 0, `after-bucket-${bucket}`),
    store('fp', node, 'r1'),
    move('r1', chainMax),
    ...callBack('chain', node.offset),
    label(`after-bucket-${bucket}`),
  ];
  return [
    label('buckets'),
    load(first, 'r2', passed.buckets),
    shiftLeft('r1', Math.log2(bucketsPerCall * kernel.bucketBytes)),
    add(first, 'r1'),
    ...Array.from({ length: bucketsPerCall }, (_, bucket) => lookAtBucket(bucket)).flat(),
    move('r0', 0),
    exit(),
  ];
}

const stack = {
  key: stackSlot('key', -8, 4),
  state: stackSlot('state', -16, 8),
  inode: stackSlot('inode', -24, 8),
  uid: stackSlot('uid', -32, 8),
  hash: stackSlot('hash', -40, 8),
} as const;

const counters = { ...shared, key: stack.key };

function walkChain(kernel: KernelLayout, options: ConnectionProgramOptions): Statement[] {
  const node = 'r6';
  return [
    label('chain'),
    load(node, 'r2', passed.node),
    move('r7', 'r2'),
    move('r1', node),
    and('r1', 1),
    jumpIf('r1', '!=', 0, 'end-of-chain'),
    jumpIf(node, '==', 0, 'end-of-chain'),
    move('r1', node),
    ...readWord(kernel),
    store('r7', passed.node, 'r1'),
    move('r1', node),
    subtract('r1', kernel.sock.chainNode.offset),
    ...castTo(kernel, 'sock'),
    move(sock, 'r0'),
    loadMapValue(control, options.controlMap),
    ...pickOwnerless(kernel),
    ...describe(kernel, options.recordMap),
    label('next'),
    move('r0', 0),
    exit(),
    label('end-of-chain'),
    move('r0', 1),
    exit(),
  ];
}

/** Goes on at `next` for a socket that a file leads to. State, inode and user go to the stack. */
function pickOwnerless(kernel: KernelLayout): Statement[] {
  return [
    store('fp', stack.inode, 0),
    store('fp', stack.uid, 0),
    load('r1', sock, kernel.sock.state),
    store('fp', stack.state, 'r1'),
    jumpIf('r1', '==', states.timeWait, 'waiting'),
    jumpIf('r1', '==', states.newSynRecv, 'ownerless'),
    jumpIf('r1', '==', states.established, 'open'),
    jumpIf('r1', '!=', states.closeWait, 'whole'),
    label('open'),
    load('r1', control, shared.isThorough),
    jumpIf('r1', '==', 0, 'next'),
    label('whole'),
    load('r1', sock, kernel.sock.uid),
    store('fp', stack.uid, 'r1'),
    load('r1', sock, kernel.sock.socket),
    jumpIf('r1', '==', 0, 'ownerless'),
    load('r2', 'r1', kernel.socket.file),
    jumpIf('r2', '!=', 0, 'next'),
    add('r1', kernel.socketInode.offset),
    ...castTo(kernel, 'inode'),
    load('r1', 'r0', kernel.inode.number),
    store('fp', stack.inode, 'r1'),
    jump('ownerless'),
    label('waiting'),
    // What is left of an orphan in FIN_WAIT_2 is kept like one in TIME_WAIT, and tells which it is.
    move('r1', sock),
    ...castTo(kernel, 'timeWait'),
    load('r1', 'r0', kernel.timeWait.state),
    store('fp', stack.state, 'r1'),
    label('ownerless'),
  ];
}

/** The memory of a socket may become that of another one meanwhile, but hardly of one with the same hash. */
function describe(kernel: KernelLayout, recordMap: number): Statement[] {
  return [
    load('r1', sock, kernel.sock.hash),
    store('fp', stack.hash, 'r1'),
    ...takeRecord(recordMap, counters, 'chain', 'next'),
    ...[fields.pid, fields.fd, fields.subflow].map((field) => store(record, field, 0)),
    store(record, fields.protocol, protocols.tcp),
    ...(['state', 'inode', 'uid'] as const).flatMap((name) => [
      load('r1', 'fp', stack[name]),
      store(record, fields[name], 'r1'),
    ]),
    ...describeTuple(kernel, 'chain', 'next'),
    load('r1', sock, kernel.sock.hash),
    load('r2', 'fp', stack.hash),
    jumpIf('r1', '!=', 'r2', 'next'),
    store(record, fields.startLow, 'r1'),
    ...keepRecord(counters),
  ];
}
