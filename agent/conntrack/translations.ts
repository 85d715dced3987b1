/**
 * How conntrack sees the sockets of this host: each is looked up once, soon after it is first seen, and what is found is
 * told as a finding.
 *
 *     tables without entries are not asked: nothing is tracked there, so nothing is translated
 *     where the newest conversations have passed no hook of NAT, the others of their round are not asked either
 *     64 questions go out together; between batches the event loop has its turns
 *     an answer is that of the newest conversation with the tuple, so it is told only of whom nobody followed
 */

import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketEvent, SocketFinding } from '../../model/socket-event.ts';
import { isListening } from '../../model/socket-state.ts';
import type { BoundedTable } from '../bounded-table.ts';
import type { ConntrackAnswer } from '../netlink/conntrack-socket.ts';
import { questionsMax } from '../netlink/conntrack-socket.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import { type Fate, type Succession, unheard } from '../succession.ts';
import type { ConntrackTables } from './conntrack-tables.ts';
import { afterAnswer, beginInquiry, type Inquiry, translationOf } from './inquiry.ts';
import { tupleKey, type WaitingSocket, WaitingSockets } from './waiting-sockets.ts';

/** Sockets that are looked up in one round, about a tenth of a second of work; the others stay for the next. */
export const lookUpsPerRoundMax = 25_000;

/** Sockets that are taken out of the queue together, a few milliseconds of work with all that is asked about them. */
const journeysAtOnce = 1_000;

/** Events between two looks at the clock. */
const eventsPerLook = 1_000;

/** Short connections that are looked up in one second, some 20 ms of work; further ones are not, and counted. */
export const lookUpsAtOnceMax = 5_000;

/** How many of the newest sockets of a table are asked first, to learn whether NAT is configured there. */
const probesMax = 8;

/** What is asked. */
export type AskedTables = Pick<ConntrackTables, 'own' | 'isTracking' | 'ask'>;

/** A socket on its way outward. */
interface Traveller {
  readonly waiting: WaitingSocket;
  inquiry: Inquiry;
  /** A table that tracks was asked. */
  wasAsked: boolean;
}

export class Translations {
  readonly #tables: AskedTables;
  readonly #waiting: WaitingSockets;
  /** Questions asked, those of them with an entry, and those that the kernel did not answer. */
  readonly lookUps = { asked: 0, hits: 0, unanswered: 0 };
  /** Sockets of which a translation was found. */
  translatedTotal = 0;
  /** Short connections that were not looked up because there were too many. */
  passedOverTotal = 0;
  /** Answers that may be about a later conversation. */
  disbelievedTotal = 0;
  #allowance = { untilMs: 0, left: 0 };
  /** Whether an entry of the agent's own namespace was seen that has passed a hook of NAT. */
  isNatConfigured = false;

  constructor(tables: AskedTables, waiting: WaitingSockets = new WaitingSockets()) {
    this.#tables = tables;
    this.#waiting = waiting;
  }

  /** Sockets that wait. */
  get table(): BoundedTable {
    return this.#waiting.table;
  }

  /** Takes note of sockets that are to be looked up, or are no more. */
  async note(events: readonly SocketEvent[], slice: TimeSlice): Promise<void> {
    for (const [i, event] of events.entries()) {
      if (i % eventsPerLook === 0 && slice.isUsedUp()) await slice.rest();
      if (event.kind === 'closed') this.#waiting.delete(event.id);
      if (event.kind !== 'opened' || !hasPeer(event.socket)) continue;
      this.#waiting.add(event.id, event.socket, event.notBeforeMs > 0);
    }
  }

  /** Looks up the sockets that are due. Tables begin their round before. */
  async find(nowMs: number, slice: TimeSlice, succession: Succession = unheard): Promise<SocketFinding[]> {
    const findings: SocketFinding[] = [];
    this.#waiting.wake(nowMs);
    for (let left = lookUpsPerRoundMax; left > 0; ) {
      const travellers = this.#waiting
        .takeDue(Math.min(left, journeysAtOnce))
        .map((each) => this.#setOut(each));
      if (travellers.length === 0) break;
      left -= travellers.length;
      for (const _ of this.#travel(travellers)) if (slice.isUsedUp()) await slice.rest();
      await succession.hear();
      for (const traveller of travellers) findings.push(...this.#conclude(traveller, succession, nowMs));
    }
    return findings;
  }

  /**
   * Looks up, at once and without another try, the connections that these events open. An entry outlives its connection, by
   * seconds at least; where a tuple is opened twice, it is that of the later one.
   *
   * @param nowMs of a clock that never steps
   */
  async findAtOnce(
    events: readonly SocketEvent[],
    nowMs: number,
    succession: Succession,
  ): Promise<SocketFinding[]> {
    if (nowMs >= this.#allowance.untilMs)
      this.#allowance = { untilMs: nowMs + 1_000, left: lookUpsAtOnceMax };
    const latest = new Map<string, WaitingSocket>();
    for (const event of events) {
      if (event.kind !== 'opened' || !hasPeer(event.socket)) continue;
      const { id, socket } = event;
      latest.set(tupleKey(socket, socket), { id, socket, isFresh: true, attempts: 0, dueAtMs: 0 });
    }
    const travellers = [...latest.values()]
      .toReversed()
      .slice(0, this.#allowance.left)
      .map((each) => this.#setOut(each));
    this.#allowance.left -= travellers.length;
    this.passedOverTotal += latest.size - travellers.length;
    for (const _ of this.#travel(travellers));
    if (travellers.some(({ inquiry }) => inquiry.role !== null)) await succession.hear();
    return travellers.flatMap((traveller) => this.#conclude(traveller, succession, null));
  }

  #setOut(waiting: WaitingSocket): Traveller {
    const { own } = this.#tables;
    const { netns } = waiting.socket;
    const way = netns === own ? [own] : [netns, own];
    return { waiting, inquiry: beginInquiry(waiting.socket, way), wasAsked: false };
  }

  /** Yields after each datagram of questions. */
  *#travel(travellers: readonly Traveller[]): Generator<void> {
    for (let asking = travellers; asking.length > 0; ) {
      for (const [netns, group] of groupByNetns(asking)) yield* this.#askTable(netns, group);
      asking = asking.filter(({ inquiry }) => inquiry.way.length > 0);
    }
  }

  /** @param nowMs null = there is no other try */
  #conclude(
    { waiting, inquiry, wasAsked }: Traveller,
    succession: Succession,
    nowMs: number | null,
  ): SocketFinding[] {
    const translation = translationOf(inquiry);
    if (translation === null) {
      // Where nothing is tracked, a TCP connection was set up without an entry; UDP may still get one.
      const mayAppear = wasAsked || waiting.socket.protocol === 'udp';
      if (mayAppear && nowMs !== null) this.#waiting.putBack(waiting, nowMs);
      return [];
    }
    if (!isBelievable(inquiry, waiting.socket, succession.fateOf(waiting.id, waiting.socket))) {
      this.disbelievedTotal++;
      return [];
    }
    if (translation.stages.length > 0) this.translatedTotal++;
    return [{ kind: 'translated', id: waiting.id, translation }];
  }

  /** Every traveller of the group goes on, whether or not it was asked about. */
  *#askTable(netns: number, group: readonly Traveller[]): Generator<void> {
    const known = group.find(({ waiting }) => waiting.socket.netns === netns && pidOf(waiting) !== null);
    if (!this.#tables.isTracking(netns, known === undefined ? null : pidOf(known.waiting))) {
      for (const traveller of group) pass(traveller);
      return;
    }
    const probes = group.filter(({ waiting }) => waiting.isFresh).slice(0, probesMax);
    const isPlain = this.#ask(netns, probes) === false;
    const rest: Traveller[] = [];
    for (const traveller of group) {
      if (probes.includes(traveller)) continue;
      if (isPlain && traveller.waiting.isFresh) pass(traveller);
      else rest.push(traveller);
    }
    for (let from = 0; from < rest.length; from += questionsMax) {
      yield;
      this.#ask(netns, rest.slice(from, from + questionsMax));
    }
  }

  /** Whether the newest conversation with an entry has passed a hook of NAT; null when none has an entry. */
  #ask(netns: number, group: readonly Traveller[]): boolean | null {
    if (group.length === 0) return null;
    const answers = this.#tables.ask(
      netns,
      group.map(({ waiting, inquiry }) => ({ protocol: waiting.socket.protocol, tuple: inquiry.tuple })),
    );
    this.lookUps.asked += group.length;
    let passedNat: boolean | null = null;
    for (const [i, traveller] of group.entries()) {
      const entry = this.#entryOf(answers[i]!);
      traveller.wasAsked = true;
      traveller.inquiry = afterAnswer(traveller.inquiry, entry);
      if (entry !== null) passedNat ??= entry.passedNat;
    }
    if (netns === this.#tables.own && passedNat === true) this.isNatConfigured = true;
    return passedNat;
  }

  #entryOf(answer: ConntrackAnswer): Exclude<ConntrackAnswer, string> | null {
    if (answer === 'unanswered') this.lookUps.unanswered++;
    if (typeof answer === 'string') return null;
    this.lookUps.hits++;
    return answer;
  }
}

/**
 * Whether the entries that were found are those of the socket. A connection that is over has let conntrack see its end, so
 * what is still open belongs to one that followed, even if that is not heard of before both sides have shaken hands. (One that
 * ended in silence is disbelieved with it.) Whoever dials a tuple anew that was never answered gets its old entry.
 */
function isBelievable({ isOpen }: Inquiry, { state }: OwnedSocket, fate: Fate): boolean {
  if (fate === 'over') return !isOpen || state === 'syn-sent';
  return fate === 'open';
}

function hasPeer({ state, remote }: OwnedSocket): boolean {
  return !isListening(state) && remote.port !== 0;
}

/** Goes on without having asked. */
function pass(traveller: Traveller): void {
  traveller.inquiry = afterAnswer(traveller.inquiry, null);
}

function groupByNetns(travellers: readonly Traveller[]): Map<number, Traveller[]> {
  const groups = new Map<number, Traveller[]>();
  for (const traveller of travellers) {
    const netns = traveller.inquiry.way[0]!;
    const group = groups.get(netns);
    if (group === undefined) groups.set(netns, [traveller]);
    else group.push(traveller);
  }
  return groups;
}

function pidOf({ socket }: WaitingSocket): number | null {
  return socket.owners[0]?.process.pid ?? null;
}
