/**
 * The inner half of the scan: a callback of bpf_loop that looks at some slots of an fd table and makes a record of each
 * socket that stands in a socket table of the kernel.
 *
 * bpf_rdonly_cast says of an address what struct lies there; loads through it answer 0 where nothing does. It costs no
 * instruction, which is what makes the walk cheap.
 *
 * A record is filled first and counts only once the counter is past it. Before that, the slot is read again: where the
 * file is still in it, the file was open all the while and is what was described.
 */

import type { Field } from './btf.ts';
import { helpers } from './helper-functions.ts';
import {
  add,
  callHelper,
  callKernel,
  exit,
  jump,
  jumpIf,
  label,
  load,
  loadConstant,
  loadMap,
  loadMapValue,
  move,
  networkToHost16,
  type Statement,
  shiftLeft,
  store,
} from './instruction.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { controlLayout, recordLayout } from './scan-memory.ts';
import { stackSlot, walkArguments } from './stack.ts';

/** Label of the callback. */
export const walkCallback = 'walk';

/** How many slots one call looks at: a cache line of them. */
export const slotsPerCall = 8;

/** struct file *. */
const slotBytes = 8;

/** AF_INET, AF_INET6. */
const families = { ipv4: 2, ipv6: 10 } as const;

/** IPPROTO_*. */
const protocols = { tcp: 6, udp: 17, mptcp: 262 } as const;

/** TCP_CLOSE: in no table, neither before a socket connects or listens nor after it is over. */
const closed = 7;

/** Bytes 8-11 of an IPv4-mapped IPv6 address, 00 00 ff ff. */
const mappedWord = 0xffff0000;

const stack = {
  key: stackSlot('key', -8, 4),
  firstFd: stackSlot('firstFd', -16, 8),
  file: stackSlot('file', -24, 8),
  inode: stackSlot('inode', -32, 8),
} as const;

/** What the outer half wrote, seen through the pointer to its start. */
const passed = walkArguments(0);

/** `file` and `sock` follow each other. */
const [slots, walk, file, sock, control] = ['r6', 'r7', 'r8', 'r8', 'r9'] as const;
const record = 'r0';

const { fields: counters } = controlLayout;

export interface FdProgramOptions {
  /** Fds of the maps of recordLayout and of one controlLayout. */
  readonly recordMap: number;
  readonly controlMap: number;
  /** See learnedLayout. */
  readonly socketOperations: bigint;
}

/** Goes behind the statements of task-program.ts, which names its label. */
export function fdProgram(kernel: KernelLayout, options: FdProgramOptions): Statement[] {
  return [
    label(walkCallback),
    move(walk, 'r2'),
    shiftLeft('r1', Math.log2(slotsPerCall)),
    store('fp', stack.firstFd, 'r1'),
    shiftLeft('r1', Math.log2(slotBytes)),
    load(slots, walk, passed.slots),
    add(slots, 'r1'),
    loadMapValue(control, options.controlMap),
    ...Array.from({ length: slotsPerCall }, (_, slot) => lookAtSlot(kernel, options, slot)).flat(),
    move('r0', 0),
    exit(),
  ];
}

function lookAtSlot(kernel: KernelLayout, options: FdProgramOptions, slot: number): Statement[] {
  const next = `next-${slot}`;
  return [
    ...readSlot(kernel, slot),
    jumpIf('r1', '==', 0, next),
    store('fp', stack.file, 'r1'),
    ...findSock(kernel, options.socketOperations, next),
    ...passOverOthers(kernel, slot, next),
    ...takeRecord(options.recordMap, slot, next),
    ...describeOwner(kernel, slot),
    ...describeConnection(kernel, next),
    ...describeAddresses(kernel, slot),
    ...readSlot(kernel, slot),
    load('r2', 'fp', stack.file),
    jumpIf('r1', '!=', 'r2', next),
    load('r1', control, counters.records),
    add('r1', 1),
    store(control, counters.records, 'r1'),
    label(next),
  ];
}

/** r1 = the file in the slot, or 0. */
function readSlot(kernel: KernelLayout, slot: number): Statement[] {
  return [
    move('r1', slots),
    add('r1', slot * slotBytes),
    ...castTo(kernel, 'slot'),
    load('r1', 'r0', kernel.slot.pointer),
  ];
}

/** r0 = what r1 points to, as a struct of that type. */
function castTo({ types, functions }: KernelLayout, type: keyof KernelLayout['types']): Statement[] {
  return [move('r2', types[type]), callKernel(functions.readOnlyCast, 'bpf_rdonly_cast')];
}

/** `sock` = what the file in r1 is the fd of; the inode of the file goes to the stack. */
function findSock(kernel: KernelLayout, socketOperations: bigint, next: string): Statement[] {
  return [
    ...castTo(kernel, 'file'),
    move(file, 'r0'),
    load('r1', file, kernel.file.operations),
    loadConstant('r2', socketOperations),
    jumpIf('r1', '!=', 'r2', next),
    load('r1', file, kernel.file.inode),
    store('fp', stack.inode, 'r1'),
    load('r1', file, kernel.file.private),
    ...castTo(kernel, 'socket'),
    load(sock, 'r0', kernel.socket.sock),
    jumpIf(sock, '==', 0, next),
  ];
}

function passOverOthers(kernel: KernelLayout, slot: number, next: string): Statement[] {
  const [isInternet, isTold] = [`is-internet-${slot}`, `is-told-${slot}`];
  return [
    load('r1', sock, kernel.sock.family),
    jumpIf('r1', '==', families.ipv4, isInternet),
    jumpIf('r1', '!=', families.ipv6, next),
    label(isInternet),
    load('r1', sock, kernel.sock.protocol),
    ...Object.values(protocols).map((protocol) => jumpIf('r1', '==', protocol, isTold)),
    jump(next),
    label(isTold),
  ];
}

function takeRecord(recordMap: number, slot: number, next: string): Statement[] {
  const hasRecord = `has-record-${slot}`;
  return [
    load('r1', control, counters.records),
    store('fp', stack.key, 'r1'),
    move('r2', 'fp'),
    add('r2', stack.key.offset),
    loadMap('r1', recordMap),
    callHelper(helpers.mapLookup),
    jumpIf(record, '!=', 0, hasRecord),
    load('r1', control, counters.missedRecords),
    add('r1', 1),
    store(control, counters.missedRecords, 'r1'),
    jump(next),
    label(hasRecord),
  ];
}

function describeOwner(kernel: KernelLayout, slot: number): Statement[] {
  const { fields } = recordLayout;
  return [
    load('r1', walk, passed.pid),
    store(record, fields.pid, 'r1'),
    load('r1', walk, passed.startLow),
    store(record, fields.startLow, 'r1'),
    load('r1', 'fp', stack.firstFd),
    add('r1', slot),
    store(record, fields.fd, 'r1'),
    load('r2', 'fp', stack.inode),
    load('r1', 'r2', kernel.inode.number),
    store(record, fields.inode, 'r1'),
    load('r1', 'r2', kernel.inode.uid),
    store(record, fields.uid, 'r1'),
  ];
}

/** A socket that stands in no table is passed over: one without a port, and one of TCP that is closed. */
function describeConnection({ sock: members, net }: KernelLayout, next: string): Statement[] {
  const { fields } = recordLayout;
  const isUdp = `${next}-is-udp`;
  return [
    load('r1', sock, members.localPort),
    jumpIf('r1', '==', 0, next),
    store(record, fields.localPort, 'r1'),
    load('r1', sock, members.state),
    store(record, fields.state, 'r1'),
    load('r2', sock, members.protocol),
    store(record, fields.protocol, 'r2'),
    jumpIf('r2', '==', protocols.udp, isUdp),
    jumpIf('r1', '==', closed, next),
    label(isUdp),
    store(record, fields.padding, 0),
    load('r1', sock, members.remotePort),
    networkToHost16('r1'),
    store(record, fields.remotePort, 'r1'),
    load('r1', sock, members.net),
    load('r1', 'r1', net.inode),
    store(record, fields.netns, 'r1'),
  ];
}

function describeAddresses({ sock: members }: KernelLayout, slot: number): Statement[] {
  const { localIp, remoteIp } = recordLayout.fields;
  const [isIpv6, done] = [`is-ipv6-${slot}`, `has-addresses-${slot}`];
  return [
    load('r1', sock, members.family),
    jumpIf('r1', '==', families.ipv6, isIpv6),
    ...copyIpv4(members.localIpv4, localIp),
    ...copyIpv4(members.remoteIpv4, remoteIp),
    jump(done),
    label(isIpv6),
    ...copyIpv6(members.localIpv6, localIp),
    ...copyIpv6(members.remoteIpv6, remoteIp),
    label(done),
  ];
}

function copyIpv4(from: Field, to: Field): Statement[] {
  return [
    store(record, part(to, 0, 8), 0),
    store(record, part(to, 8, 4), mappedWord),
    load('r1', sock, from),
    store(record, part(to, 12, 4), 'r1'),
  ];
}

function copyIpv6(from: Field, to: Field): Statement[] {
  return [0, 4, 8, 12].flatMap((offset) => [
    load('r1', sock, part(from, offset, 4)),
    store(record, part(to, offset, 4), 'r1'),
  ]);
}

/** Some bytes of a field. */
function part({ name, offset }: Field, from: number, bytes: number): Field {
  return { name: `${name}[${from}]`, offset: offset + from, bytes };
}
