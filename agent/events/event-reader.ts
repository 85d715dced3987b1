/** Reads the events that the programs have written (eventLayoutInRing), one by one. */
import type { SocketCounters } from '../../model/socket-counters.ts';
import { stateOf } from '../../model/socket-state.ts';
import { AddressTexts } from '../bpf/address-texts.ts';
import { eventLayoutInRing, standings } from '../bpf/event-memory.ts';
import { tcpStates } from '../bpf/event-program.ts';
import type { ConnectionEvent, Holder } from './connection-event.ts';

/** How many processes are kept. Few distinct ones stand in many events. */
export const knownHoldersMax = 16_384;

const { fields } = eventLayoutInRing;

/** Index of a field's first word. Those of one or two bytes share a word with their neighbours. */
const wordOf = {
  at: fields.atNs.offset / 4,
  opened: fields.openedNs.offset / 4,
  start: fields.startNs.offset / 4,
  bytesAcked: fields.bytesAcked.offset / 4,
  bytesReceived: fields.bytesReceived.offset / 4,
  pid: fields.pid.offset / 4,
  holderUid: fields.holderUid.offset / 4,
  uid: fields.uid.offset / 4,
  netns: fields.netns.offset / 4,
  roundTrip: fields.roundTrip.offset / 4,
  retransmits: fields.retransmits.offset / 4,
  ports: fields.localPort.offset / 4,
  states: fields.before.offset / 4,
  localIp: fields.localIp.offset / 4,
  remoteIp: fields.remoteIp.offset / 4,
  comm: fields.comm.offset / 4,
} as const;

const nsPerMs = 1e6;

/** USER_HZ is 100 on every machine that Node.js runs on. */
const nsPerTick = 1e7;

/** struct tcp_sock has the round trip eight times over. */
const roundTripScale = 8;

interface KnownHolder {
  readonly start: number;
  readonly uid: number;
  readonly comm: readonly number[];
  readonly holder: Holder;
}

export class EventReader {
  readonly #addresses = new AddressTexts();
  /** By pid, as it was last. */
  readonly #holders = new Map<number, KnownHolder>();

  /**
   * Null when the kernel has a state that has no word, or it never was a connection: without a port, nothing of it was
   * ever on the wire; and of two copies of an accepted one that two processors make at once, the second is thrown away.
   *
   * @param at index of the event's first word
   * @param bootMs unix milliseconds at which CLOCK_MONOTONIC was 0
   */
  event(words: Uint32Array, at: number, bootMs: number): ConnectionEvent | null {
    const states = words[at + wordOf.states]!;
    const ports = words[at + wordOf.ports]!;
    const before = stateOf('tcp', states & 0xff);
    const localPort = ports & 0xffff;
    if (before === null || localPort === 0) return null;
    const isClosed = ((states >>> 8) & 0xff) === tcpStates.closed;
    if ((states & 0xff) === tcpStates.synRecv && isClosed && isThrownAway(words, at)) return null;
    const openedNs = u64(words, at + wordOf.opened);
    const atMs = bootMs + u64(words, at + wordOf.at) / nsPerMs;
    const openedAtMs = openedNs === 0 ? null : Math.round(bootMs + openedNs / nsPerMs);
    return {
      kind: isClosed ? 'closed' : 'opened',
      atMs: Math.round(atMs),
      openedAtMs,
      aliveAtMs: openedAtMs ?? Math.round(atMs),
      local: { ip: this.#addresses.read(words, at + wordOf.localIp), port: localPort },
      remote: { ip: this.#addresses.read(words, at + wordOf.remoteIp), port: ports >>> 16 },
      netns: words[at + wordOf.netns]!,
      uid: words[at + wordOf.uid]!,
      before,
      holder: this.#holder(words, at),
      isInherited: standingOf(words, at) === standings.accepted,
      counters: isClosed ? finalCounters(words, at) : null,
    };
  }

  /** The same object for the same process, as long as it keeps its name and its user. */
  #holder(words: Uint32Array, at: number): Holder | null {
    const pid = words[at + wordOf.pid]!;
    if (pid === 0) return null;
    const start = u64(words, at + wordOf.start);
    const uid = words[at + wordOf.holderUid]!;
    const known = this.#holders.get(pid);
    if (known !== undefined && known.start === start && known.uid === uid && hasComm(known, words, at))
      return known.holder;
    if (this.#holders.size >= knownHoldersMax) this.#holders.clear();
    const comm = Array.from(words.subarray(at + wordOf.comm, at + wordOf.comm + commWords));
    const holder = { pid, startTicks: Math.floor(start / nsPerTick), comm: commText(words, at), uid };
    this.#holders.set(pid, { start, uid, comm, holder });
    return holder;
  }
}

function standingOf(words: Uint32Array, at: number): number {
  return (words[at + wordOf.states]! >>> 16) & 0xff;
}

/** It was not dialed from here, and nothing came with it, as in TCP Fast Open. */
function isThrownAway(words: Uint32Array, at: number): boolean {
  return standingOf(words, at) !== standings.connected && u64(words, at + wordOf.bytesReceived) === 0;
}

const commWords = fields.comm.bytes / 4;

function hasComm({ comm }: KnownHolder, words: Uint32Array, at: number): boolean {
  for (let i = 0; i < commWords; i++) if (comm[i] !== words[at + wordOf.comm + i]) return false;
  return true;
}

function commText(words: Uint32Array, at: number): string {
  const bytes = Buffer.from(words.buffer, words.byteOffset + (at + wordOf.comm) * 4, fields.comm.bytes);
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end);
}

/** Exact below 2^53, which nanoseconds reach after 104 days; then to within some nanoseconds. */
function u64(words: Uint32Array, at: number): number {
  return words[at]! + words[at + 1]! * 2 ** 32;
}

function finalCounters(words: Uint32Array, at: number): SocketCounters {
  const before = words[at + wordOf.states]! & 0xff;
  return {
    bytesSent: withoutFin(u64(words, at + wordOf.bytesAcked), finAcked.has(before)),
    bytesReceived: withoutFin(u64(words, at + wordOf.bytesReceived), finReceived.has(before)),
    rttUs: Math.round(words[at + wordOf.roundTrip]! / roundTripScale),
    retransmits: words[at + wordOf.retransmits]!,
  };
}

/** TCP_FIN_WAIT2, TCP_LAST_ACK and TCP_CLOSING are left for TIME_WAIT or nothing once the own FIN is acknowledged. */
const finAcked: ReadonlySet<number> = new Set([5, 9, 11]);

/** States in or by the end of which the other side's FIN has come. */
const finReceived: ReadonlySet<number> = new Set([5, 8, 9, 11]);

function withoutFin(bytes: number, hasFin: boolean): number {
  return Math.max(0, bytes - (hasFin ? 1 : 0));
}
