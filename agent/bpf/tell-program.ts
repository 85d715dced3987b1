/**
 * The part of a program that writes an event into the ring: a connection of the own host is established, or closed, with
 * the process that stands for it.
 */

import type { Field } from './btf.ts';
import { eventLayoutInRing, holderLayout, standings } from './event-memory.ts';
import { after, before, findHolder, holder, tcpStates } from './event-program.ts';
import { countLoss, type HolderOptions } from './holder-program.ts';
import {
  callHelper,
  jump,
  jumpIf,
  label,
  load,
  loadMap,
  move,
  networkToHost16,
  type Statement,
  store,
} from './instruction.ts';
import { helpers } from './kernel-functions.ts';
import { copyAddresses, record, sock } from './record-program.ts';
import { stackSlot } from './stack.ts';

const stack = {
  now: stackSlot('now', -8, 8),
  after: stackSlot('after', -16, 8),
} as const;

/** struct tcp_sock; takes the place of the new state, which is on the stack by then. */
const tcp = 'r7';

const fields = eventLayoutInRing.fields;
const held = holderLayout.fields;

/** BPF_RB_NO_WAKEUP: the agent looks into the ring when its time has come. */
const wakesNobody = 1;

export interface TellOptions extends HolderOptions {
  readonly ringMap: number;
}

/**
 * Goes on at `out` for a change of which nothing is told.
 *
 * @param turn of programs that look at the same changes: the first notes what it told, the second passes over that
 */
export function tellChange(options: TellOptions, out: string, turn?: 'first' | 'second'): Statement[] {
  const { holderMap, pidLevel } = options;
  return [
    ...pickChange(out),
    // Where the agent sees all processes, a socket without one is the kernel's own, and as much of this host.
    ...findHolder(holderMap, pidLevel === 0 && turn !== undefined ? 'make' : 'leave'),
    move(holder, 'r0'),
    ...(pidLevel === 0 ? [] : [jumpIf(holder, '==', 0, out)]),
    ...takeTurn(options, turn, out),
    store('fp', stack.after, after),
    callHelper(helpers.monotonicNs),
    store('fp', stack.now, 'r0'),
    ...noteAccepted(),
    move('r1', sock),
    callHelper(helpers.toTcpSock),
    jumpIf('r0', '!=', 0, 'is-tcp'),
    ...countLoss(options, 'unread'),
    jump(out),
    label('is-tcp'),
    move(tcp, 'r0'),
    ...reserve(options, out),
    ...describeConnection(options),
    ...describeHolder(),
    move('r1', record),
    move('r2', wakesNobody),
    callHelper(helpers.ringSubmit),
  ];
}

/** To established from the handshake, and to closed from anything but listening. */
function pickChange(out: string): Statement[] {
  return [
    jumpIf(after, '==', tcpStates.closed, 'closes'),
    jumpIf(after, '!=', tcpStates.established, out),
    jumpIf(before, '==', tcpStates.synSent, 'picked'),
    jumpIf(before, '!=', tcpStates.synRecv, out),
    jump('picked'),
    label('closes'),
    jumpIf(before, '==', tcpStates.listen, out),
    jumpIf(before, '==', tcpStates.closed, out),
    label('picked'),
  ];
}

/** Where there was no memory for the note, the first tells; the second does not know. */
function takeTurn(options: TellOptions, turn: 'first' | 'second' | undefined, out: string): Statement[] {
  if (turn === undefined) return [];
  if (turn === 'first') {
    return [jumpIf(holder, '==', 0, 'has-turn'), store(holder, held.told, after), label('has-turn')];
  }
  return [
    jumpIf(holder, '!=', 0, 'knows-turn'),
    ...countLoss(options, 'undecided'),
    jump(out),
    label('knows-turn'),
    load('r1', holder, held.told),
    jumpIf('r1', '==', after, out),
    store(holder, held.told, after),
  ];
}

/** What is accepted has so far the copy that it inherited. */
function noteAccepted(): Statement[] {
  return [
    jumpIf(holder, '==', 0, 'noted'),
    jumpIf(after, '!=', tcpStates.established, 'noted'),
    jumpIf(before, '!=', tcpStates.synRecv, 'noted'),
    // Both sides have dialed at the same time.
    load('r1', holder, held.standing),
    jumpIf('r1', '==', standings.connected, 'noted'),
    store(holder, held.openedNs, 'r0'),
    store(holder, held.standing, standings.accepted),
    label('noted'),
  ];
}

/** There is none when the ring is full, or the kernel gives up waiting for another processor that writes into it. */
function reserve(options: TellOptions, out: string): Statement[] {
  return [
    loadMap('r1', options.ringMap),
    move('r2', eventLayoutInRing.bytes),
    move('r3', 0),
    callHelper(helpers.ringReserve),
    jumpIf(record, '!=', 0, 'has-room'),
    load('r3', 'fp', stack.after),
    jumpIf('r3', '==', tcpStates.closed, 'loses-close'),
    ...countLoss(options, 'opened'),
    jump(out),
    label('loses-close'),
    ...countLoss(options, 'closed'),
    jump(out),
    label('has-room'),
  ];
}

function describeConnection({ kernel, layout }: TellOptions): Statement[] {
  const copy = (to: Field, from: Field): Statement[] => [load('r1', tcp, from), store(record, to, 'r1')];
  return [
    load('r1', 'fp', stack.now),
    store(record, fields.atNs, 'r1'),
    load('r1', 'fp', stack.after),
    store(record, fields.after, 'r1'),
    store(record, fields.before, before),
    store(record, fields.padding, 0),
    load('r1', sock, kernel.sock.uid),
    store(record, fields.uid, 'r1'),
    load('r1', sock, kernel.sock.net),
    load('r1', 'r1', kernel.net.inode),
    store(record, fields.netns, 'r1'),
    load('r1', sock, kernel.sock.remotePort),
    networkToHost16('r1'),
    store(record, fields.remotePort, 'r1'),
    load('r1', tcp, layout.tcp.localPort),
    networkToHost16('r1'),
    store(record, fields.localPort, 'r1'),
    ...copy(fields.bytesAcked, layout.tcp.bytesAcked),
    ...copy(fields.bytesReceived, layout.tcp.bytesReceived),
    ...copy(fields.roundTrip, layout.tcp.roundTrip),
    ...copy(fields.retransmits, layout.tcp.retransmits),
    ...copyAddresses(kernel, fields, 'change'),
  ];
}

function describeHolder(): Statement[] {
  const zero: Field[] = [fields.openedNs, fields.startNs, fields.pid, fields.holderUid, fields.standing];
  const copy = (to: Field, from: Field): Statement[] => [load('r1', holder, from), store(record, to, 'r1')];
  return [
    jumpIf(holder, '!=', 0, 'is-held'),
    ...[...zero, ...halves(fields.comm)].map((field) => store(record, field, 0)),
    jump('described'),
    label('is-held'),
    ...copy(fields.openedNs, held.openedNs),
    ...copy(fields.startNs, held.startNs),
    ...copy(fields.pid, held.pid),
    ...copy(fields.holderUid, held.uid),
    ...copy(fields.standing, held.standing),
    ...halves(held.comm).flatMap((half, i) => copy(halves(fields.comm)[i]!, half)),
    label('described'),
  ];
}

/** 16 bytes as two fields of 8. */
function halves({ name, offset }: Field): Field[] {
  return [0, 8].map((from) => ({ name: `${name}[${from}]`, offset: offset + from, bytes: 8 }));
}
