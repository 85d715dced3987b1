/** The parts of a program that make a record of a socket. `sock` and `control` are as registers say below. */
import type { Field } from './btf.ts';
import {
  add,
  callHelper,
  callKernel,
  jump,
  jumpIf,
  label,
  load,
  loadConstant,
  loadMap,
  move,
  multiply,
  networkToHost16,
  type Statement,
  store,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import type { BasicLayout, KernelLayout } from './kernel-layout.ts';
import { recordLayout } from './scan-memory.ts';

/** struct sock. */
export const sock = 'r8';
/** What takeRecord got; lost in every call. */
export const record = 'r0';
/** The map that counts. */
export const control = 'r9';

/** AF_INET, AF_INET6. */
export const families = { ipv4: 2, ipv6: 10 } as const;

/** IPPROTO_*. */
export const protocols = { tcp: 6, udp: 17, mptcp: 262 } as const;

/** TCP_*. A closed socket is in no table, neither before it connects or listens nor after it is over. */
export const states = { closed: 7, listen: 10 } as const;

/** Bytes 8-11 of an IPv4-mapped IPv6 address, 00 00 ff ff. */
export const mappedWord = 0xffff0000;

const { fields } = recordLayout;

/**
 * r0 = what r1 points to, as a struct of that type. Loads through it answer 0 where nothing lies. It costs no
 * instruction of the machine's, but r1 to r5 are lost as in any call.
 */
export function castTo({ types, functions }: KernelLayout, type: keyof KernelLayout['types']): Statement[] {
  return [move('r2', types[type]), callKernel(functions.readOnlyCast, 'bpf_rdonly_cast')];
}

/** r1 = the 8 bytes at the address in r1, as a number. */
export function readWord(kernel: KernelLayout): Statement[] {
  return [...castTo(kernel, 'word'), load('r1', 'r0', kernel.word)];
}

/** Fields of the control map, and a place on the stack. */
export interface RecordCounters {
  readonly records: Field;
  readonly missedRecords: Field;
  readonly key: Field;
}

/**
 * `record` = the next free record; where there is none, that is counted and the program goes on at `next`. What is
 * written there counts only after keepRecord.
 */
export function takeRecord(
  recordMap: number,
  counters: RecordCounters,
  name: string,
  next: string,
): Statement[] {
  const hasRecord = `${name}-has-record`;
  return [
    load('r1', control, counters.records),
    store('fp', counters.key, 'r1'),
    move('r2', 'fp'),
    add('r2', counters.key.offset),
    loadMap('r1', recordMap),
    callHelper(helpers.mapLookup),
    jumpIf(record, '!=', 0, hasRecord),
    ...count(counters.missedRecords),
    jump(next),
    label(hasRecord),
  ];
}

export function keepRecord(counters: RecordCounters): Statement[] {
  return count(counters.records);
}

/** Adds 1 to a field of the control map. r1 is lost. */
export function count(counter: Field): Statement[] {
  return [load('r1', control, counter), add('r1', 1), store(control, counter, 'r1')];
}

/** Odd, so that nothing of what was mixed before is lost (of MMIX, a generator by Knuth). */
const mixer = 6364136223846793005n;

/** Has what is in r1 count in a field of the control map, and its place among what else does. r1 to r3 are lost. */
export function mixIn(field: Field): Statement[] {
  return [
    load('r2', control, field),
    loadConstant('r3', mixer),
    multiply('r2', 'r3'),
    add('r2', 'r1'),
    store(control, field, 'r2'),
  ];
}

/** Goes on at `next` for a `sock` that is told nothing of. */
export function passOverOthers(kernel: BasicLayout, name: string, next: string): Statement[] {
  const [isInternet, isTold] = [`${name}-is-internet`, `${name}-is-told`];
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

/** A socket of TCP that is closed stands in no table. */
export function describeState({ sock: members }: BasicLayout, name: string, next: string): Statement[] {
  const isInTable = `${name}-is-in-table`;
  return [
    load('r1', sock, members.state),
    store(record, fields.state, 'r1'),
    store(record, fields.subflow, 0),
    load('r2', sock, members.protocol),
    store(record, fields.protocol, 'r2'),
    jumpIf('r2', '==', protocols.udp, isInTable),
    jumpIf('r1', '==', states.closed, next),
    label(isInTable),
  ];
}

/** Goes on at `next` for others than listeners, which have numbers there that mean nothing. */
export function countAcceptQueue(
  kernel: BasicLayout,
  counter: Field,
  name: string,
  next: string,
): Statement[] {
  const hasNothingToAccept = `${name}-has-nothing-to-accept`;
  return [
    load('r1', sock, kernel.sock.state),
    jumpIf('r1', '!=', states.listen, next),
    load('r1', sock, kernel.sock.acceptQueue),
    jumpIf('r1', '==', 0, hasNothingToAccept),
    ...count(counter),
    label(hasNothingToAccept),
  ];
}

/** Ports, namespace and addresses. A socket without a port stands in no table: the program goes on at `next`. */
export function describeTuple(kernel: BasicLayout, name: string, next: string): Statement[] {
  const members = kernel.sock;
  return [
    load('r1', sock, members.localPort),
    jumpIf('r1', '==', 0, next),
    store(record, fields.localPort, 'r1'),
    load('r1', sock, members.remotePort),
    networkToHost16('r1'),
    store(record, fields.remotePort, 'r1'),
    load('r1', sock, members.net),
    load('r1', 'r1', kernel.net.inode),
    store(record, fields.netns, 'r1'),
    ...copyAddresses(kernel, fields, name),
  ];
}

/** Both addresses as recordLayout has them; an IPv4 one as IPv6. r1 is lost. */
export function copyAddresses(
  { sock: members }: BasicLayout,
  into: Readonly<Record<'localIp' | 'remoteIp', Field>>,
  name: string,
): Statement[] {
  const [isIpv6, done] = [`${name}-is-ipv6`, `${name}-has-addresses`];
  return [
    load('r1', sock, members.family),
    jumpIf('r1', '==', families.ipv6, isIpv6),
    ...copyIpv4(members.localIpv4, into.localIp),
    ...copyIpv4(members.remoteIpv4, into.remoteIp),
    jump(done),
    label(isIpv6),
    ...copyIpv6(members.localIpv6, into.localIp),
    ...copyIpv6(members.remoteIpv6, into.remoteIp),
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
export function part({ name, offset }: Field, from: number, bytes: number): Field {
  return { name: `${name}[${from}]`, offset: offset + from, bytes };
}
