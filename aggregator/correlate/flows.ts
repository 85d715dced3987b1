/**
 * Conversations that hosts pass on, translated, between two others: each leads from the tuple that its client dialed to
 * the tuple that its server sees, and back, as far as that host may (passing-on.ts).
 *
 * A flow stays known for a while after it ended, since what its ends report may come later than its end. Of one host at
 * most one flow has a tuple at a time, as conntrack has it: a newer one ends the older.
 */
import { reverse } from '../../model/four-tuple.ts';
import type { IpAddress } from '../../model/ip.ts';
import type { AddressClaims } from './address-claims.ts';
import { addTo, removeFrom } from './concerned.ts';
import { otherSide, type Passage } from './connection.ts';
import { clockSlackMs } from './generations.ts';
import type { KeyHolder } from './key-holder.ts';
import { type Meeting, meetingAt } from './meetings.ts';
import { mayPassOn, placedAddresses } from './passing-on.ts';
import type { ReportedFlow, ReportedSocket, ReportingHost } from './report.ts';
import { realmScope } from './scope.ts';

/** How long a flow that ended still joins halves that are told late. */
export const flowLingerMs = 60_000;

/** Flows of different hosts, or ended ones, under one key. Ended ones make room; beyond it a flow is not known. */
export const flowsPerKeyMax = 8;

/** How many hosts in a row may pass a conversation on. */
export const forwardersMax = 3;

/** Ways from one half; hostile flows could branch at every forwarder. */
const waysMax = 16;

const noWays: readonly Way[] = [];

/** A way from a half to where its other end is. */
export interface Way {
  readonly meeting: Meeting;
  readonly passage: Passage;
}

interface FiledFlow {
  readonly flow: ReportedFlow;
  /** The client's half at the tuple as dialed. */
  readonly dialed: Meeting;
  /** The server's half at the tuple as passed on. */
  readonly forwarded: Meeting;
  /** Whether its host may pass on what it says, by all that is known of who claims which address. */
  mayLead: boolean;
  /** null while it goes on. */
  endedAtMs: number | null;
  /** When that was told. */
  toldEndedMs: number;
  /** Of both keys. */
  readonly stubs: readonly number[];
}

export class Flows {
  readonly #claims: AddressClaims;
  readonly #keys: KeyHolder;
  readonly #filed = new Map<ReportedFlow, FiledFlow>();
  /** By the keys of both tuples. */
  readonly #byKey = new Map<string, FiledFlow[]>();
  /** By the addresses of which it matters who claims them. */
  readonly #byPlaced = new Map<IpAddress, Set<FiledFlow>>();
  /** In the order of their ending. */
  readonly #ended = new Set<FiledFlow>();
  /** Flows that were not taken because there were too many under one key. */
  refused = 0;

  constructor(claims: AddressClaims, keys: KeyHolder) {
    this.#claims = claims;
    this.#keys = keys;
  }

  get size(): number {
    return this.#filed.size + this.#byKey.size + this.#byPlaced.size;
  }

  /** @returns where ends may be filed of which it leads from one to the other; none where it may not. */
  add(flow: ReportedFlow, nowMs: number): readonly Meeting[] {
    const scope = realmScope(flow.host);
    const { host, protocol } = flow;
    const dialed = meetingAt({ host, scope, protocol, tuple: flow.dialed });
    const forwarded = meetingAt({ host, scope, protocol, tuple: reverse(flow.forwarded) });
    if (dialed.key === forwarded.key) return [];
    const keys = [dialed.key, forwarded.key];
    for (const key of keys) this.#endOlder(flow, key, nowMs);
    if (!keys.every((key) => this.#hasRoom(key))) {
      this.refused++;
      return [];
    }
    const mayLead = mayPassOn(flow, this.#claims);
    const stubs = [dialed, forwarded].map((meeting) => this.#keys.retain(meeting));
    const filed: FiledFlow = { flow, dialed, forwarded, mayLead, endedAtMs: null, toldEndedMs: 0, stubs };
    this.#filed.set(flow, filed);
    for (const key of keys) this.#byKey.set(key, [...(this.#byKey.get(key) ?? []), filed]);
    for (const ip of placedAddresses(flow)) addTo(this.#byPlaced, ip, filed);
    return mayLead ? this.#endsOf(filed) : [];
  }

  /** @param endedAtMs where it is told long after that */
  end(flow: ReportedFlow, nowMs: number, endedAtMs = nowMs): void {
    const filed = this.#filed.get(flow);
    if (filed !== undefined) this.#end(filed, nowMs, endedAtMs);
  }

  /** Flows that go on, of one host. */
  of(host: ReportingHost): ReportedFlow[] {
    const going = [...this.#filed.values()].filter(({ endedAtMs }) => endedAtMs === null);
    return going.map(({ flow }) => flow).filter((flow) => flow.host === host);
  }

  remove(flow: ReportedFlow): void {
    const filed = this.#filed.get(flow);
    if (filed !== undefined) this.#remove(filed);
  }

  /** Forgets what ended long enough ago. */
  expire(nowMs: number): void {
    for (const filed of this.#ended) {
      if (nowMs - filed.toldEndedMs < flowLingerMs) break;
      this.#remove(filed);
    }
  }

  /** Others claim that address now, or do not any more. @returns where ends may be filed that flows lead to only now */
  claimedAnew(ip: IpAddress): Meeting[] {
    const ends: Meeting[] = [];
    for (const filed of this.#byPlaced.get(ip) ?? []) {
      const couldLead = filed.mayLead;
      filed.mayLead = mayPassOn(filed.flow, this.#claims);
      if (filed.mayLead && !couldLead) ends.push(...this.#endsOf(filed));
    }
    return ends;
  }

  /** Its own ends, and those of what other hosts pass on before and after it. */
  #endsOf({ dialed, forwarded }: FiledFlow): Meeting[] {
    const ends: Meeting[] = [];
    let reached: readonly Meeting[] = [dialed, forwarded];
    for (let forwarders = 1; forwarders <= forwardersMax && reached.length > 0; forwarders++) {
      ends.push(...reached);
      if (ends.length >= waysMax) break;
      reached = reached.flatMap((meeting) => this.#beyond(meeting));
    }
    return ends.slice(0, waysMax);
  }

  /** Where one forwarder further leads from the end that would stand at `meeting`, if it were passed on from there. */
  #beyond({ key, side, place }: Meeting): Meeting[] {
    const from = { key, side: otherSide(side), place };
    return (this.#byKey.get(key) ?? []).flatMap(({ dialed, forwarded }) => {
      if (isAt(dialed, from)) return [forwarded];
      return isAt(forwarded, from) ? [dialed] : [];
    });
  }

  /** The ways from a half that stands at `from`: the shortest first, and of equally short ones that which began with it. */
  waysFrom(from: Meeting, socket: ReportedSocket): readonly Way[] {
    if (!this.#byKey.has(from.key)) return noWays;
    const ways: Way[] = [];
    let reached: readonly Way[] = this.#steps(from, socket, null);
    for (let forwarders = 1; forwarders <= forwardersMax && reached.length > 0; forwarders++) {
      ways.push(...reached);
      if (ways.length >= waysMax) break;
      reached = reached.flatMap(({ meeting, passage }) =>
        this.#steps({ ...meeting, side: otherSide(meeting.side) }, socket, passage),
      );
    }
    return ways.slice(0, waysMax);
  }

  /** One forwarder further. */
  #steps(from: Meeting, socket: ReportedSocket, before: Passage | null): Way[] {
    const ways: Way[] = [];
    for (const { flow, dialed, forwarded, mayLead, endedAtMs } of this.#byKey.get(from.key) ?? []) {
      if (endedAtMs !== null && socket.notBeforeMs > endedAtMs + clockSlackMs) continue;
      if (!mayLead) continue;
      const by = before === null ? [flow] : [...before.by, flow];
      if (isAt(dialed, from)) {
        const passage = { dialed: before?.dialed ?? flow.dialed, forwarded: flow.forwarded, by };
        ways.push({ meeting: forwarded, passage });
      } else if (isAt(forwarded, from)) {
        const passage = { dialed: flow.dialed, forwarded: before?.forwarded ?? flow.forwarded, by };
        ways.push({ meeting: dialed, passage });
      }
    }
    return ways.length < 2
      ? ways
      : ways.sort((one, other) => compareBirths(one.passage, other.passage, socket));
  }

  /** One that is told late ends none that came after it. */
  #endOlder({ host, openedAtMs }: ReportedFlow, key: string, nowMs: number): void {
    for (const filed of this.#byKey.get(key) ?? []) {
      if (filed.flow.host === host && filed.flow.openedAtMs <= openedAtMs) this.#end(filed, nowMs, nowMs);
    }
  }

  /** Forgets the flow that ended first where there is no room. */
  #hasRoom(key: string): boolean {
    const flows = this.#byKey.get(key) ?? [];
    if (flows.length < flowsPerKeyMax) return true;
    const ended = flows.find(({ endedAtMs }) => endedAtMs !== null);
    if (ended !== undefined) this.#remove(ended);
    return ended !== undefined;
  }

  #end(filed: FiledFlow, nowMs: number, endedAtMs: number): void {
    if (filed.endedAtMs !== null) return;
    filed.endedAtMs = endedAtMs;
    filed.toldEndedMs = nowMs;
    this.#ended.add(filed);
  }

  #remove(filed: FiledFlow): void {
    this.#filed.delete(filed.flow);
    for (const stub of filed.stubs) this.#keys.release(stub);
    this.#ended.delete(filed);
    for (const ip of placedAddresses(filed.flow)) removeFrom(this.#byPlaced, ip, filed);
    for (const { key } of [filed.dialed, filed.forwarded]) {
      const left = (this.#byKey.get(key) ?? []).filter((other) => other !== filed);
      if (left.length === 0) this.#byKey.delete(key);
      else this.#byKey.set(key, left);
    }
  }
}

/** Which began nearer to the socket; negative for `one`. Of two that began alike it is always the same one. */
export function compareBirths(one: Passage, other: Passage, socket: ReportedSocket): number {
  const [a, b] = [one.by[0]!, other.by[0]!];
  const distanceMs = (flow: ReportedFlow): number => Math.abs(flow.openedAtMs - socket.openedAtMs);
  return distanceMs(a) - distanceMs(b) || (a.host.id < b.host.id ? -1 : Number(a.host.id > b.host.id));
}

function isAt(one: Meeting, other: Meeting): boolean {
  return one.key === other.key && one.side === other.side;
}
