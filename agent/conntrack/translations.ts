/**
 * How conntrack sees the sockets of this host: each is looked up once, soon after it is first seen, and what is found is
 * told as a finding.
 *
 *     tables without entries are not asked: nothing is tracked there, so nothing is translated
 *     where the newest conversations have passed no hook of NAT, the others of their round are not asked either
 *     64 questions go out together; between batches the event loop has its turns
 */
import type { SocketEvent, SocketFinding } from '../../model/socket-event.ts';
import { isListening } from '../../model/socket-state.ts';
import type { ConntrackAnswer } from '../netlink/conntrack-socket.ts';
import { questionsMax } from '../netlink/conntrack-socket.ts';
import type { TimeSlice } from '../procfs/time-slice.ts';
import type { ConntrackTables } from './conntrack-tables.ts';
import { afterAnswer, beginInquiry, type Inquiry, translationOf } from './inquiry.ts';
import { type WaitingSocket, WaitingSockets } from './waiting-sockets.ts';

/** Sockets that are looked up in one round, about a tenth of a second of work; the others stay for the next. */
export const lookUpsPerRoundMax = 25_000;

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
  /** Whether an entry of the agent's own namespace was seen that has passed a hook of NAT. */
  isNatConfigured = false;

  constructor(tables: AskedTables, waiting: WaitingSockets = new WaitingSockets()) {
    this.#tables = tables;
    this.#waiting = waiting;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Sockets that are not looked up because too many wait. */
  get refusedTotal(): number {
    return this.#waiting.refusedTotal;
  }

  /** Takes note of sockets that are to be looked up, or are no more. */
  note(events: readonly SocketEvent[], nowMs: number): void {
    for (const event of events) {
      if (event.kind === 'closed') this.#waiting.delete(event.id);
      if (event.kind !== 'opened') continue;
      const { socket } = event;
      if (isListening(socket.state) || socket.remote.port === 0) continue;
      this.#waiting.add(event.id, socket, event.notBeforeMs > 0, nowMs);
    }
  }

  /** Looks up the sockets that are due. Tables begin their round before. */
  async find(nowMs: number, slice: TimeSlice): Promise<SocketFinding[]> {
    const { own } = this.#tables;
    const travellers = this.#waiting.takeDue(nowMs, lookUpsPerRoundMax).map((waiting): Traveller => {
      const { netns } = waiting.socket;
      const way = netns === own ? [own] : [netns, own];
      return { waiting, inquiry: beginInquiry(waiting.socket, way), wasAsked: false };
    });
    for (let asking = travellers; asking.length > 0; ) {
      for (const [netns, group] of groupByNetns(asking)) await this.#askTable(netns, group, slice);
      asking = asking.filter(({ inquiry }) => inquiry.way.length > 0);
    }
    return travellers.flatMap((traveller) => this.#conclude(traveller, nowMs));
  }

  #conclude({ waiting, inquiry, wasAsked }: Traveller, nowMs: number): SocketFinding[] {
    const translation = translationOf(inquiry);
    if (translation === null) {
      // Where nothing is tracked, a TCP connection was set up without an entry; UDP may still get one.
      if (wasAsked || waiting.socket.protocol === 'udp') this.#waiting.putBack(waiting, nowMs);
      return [];
    }
    if (translation.stages.length > 0) this.translatedTotal++;
    return [{ kind: 'translated', id: waiting.id, translation }];
  }

  /** Every traveller of the group goes on, whether or not it was asked about. */
  async #askTable(netns: number, group: readonly Traveller[], slice: TimeSlice): Promise<void> {
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
      if (slice.isUsedUp()) await slice.rest();
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
