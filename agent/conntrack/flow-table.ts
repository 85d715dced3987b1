/**
 * Translated conversations that this host only passes on: neither end is a socket of its. Pure.
 *
 * An entry is such a flow when neither the one who began nor the one who answers has an address of any namespace of this
 * host. The kernel does not tell when it ends (an entry is collected minutes later), so flows are asked after in turn.
 */
import { formatEndpoint } from '../../model/endpoint.ts';
import type { IpAddress } from '../../model/ip.ts';
import type { SocketFinding } from '../../model/socket-event.ts';
import type { ForwardedFlow } from '../../model/translation.ts';
import type { BoundedTable } from '../bounded-table.ts';
import type { ConntrackEntry } from '../netlink/conntrack-entry.ts';
import type { ConntrackAnswer } from '../netlink/conntrack-socket.ts';

/** How many flows are known at once; a further one is not told, and counted. */
export const flowsMax = 50_000;

/** Flows have numbers far above those of sockets, which count up from 1, so that the two never meet. */
export const firstFlowId = 2 ** 52;

/** How often each flow is asked after. */
const recheckMs = 10_000;

export interface Flow {
  readonly id: number;
  /** Of its entry: another conversation with the same tuple has another one. */
  readonly entryId: number;
  readonly flow: ForwardedFlow;
}

interface KnownFlow extends Flow {
  readonly key: string;
  recheckAtMs: number;
}

export class FlowTable {
  readonly #netns: number;
  readonly #max: number;
  /** In the order in which they are asked after. */
  readonly #flows = new Map<string, KnownFlow>();
  #nextId = firstFlowId;
  #refusedTotal = 0;

  /** @param netns inode of the namespace that translates */
  constructor(netns: number, max: number = flowsMax) {
    this.#netns = netns;
    this.#max = max;
  }

  get table(): BoundedTable {
    const { size } = this.#flows;
    return { name: 'forwarded_flows', size, limit: this.#max, refusedTotal: this.#refusedTotal };
  }

  /** An entry as an event or a dump shows it. @param own addresses of all namespaces of this host */
  see(entry: ConntrackEntry, own: ReadonlySet<IpAddress>, nowMs: number): SocketFinding[] {
    if (entry.zone !== 0 || entry.phase === 'over' || !isPassedOn(entry, own)) return [];
    const key = keyOf(entry);
    const known = this.#flows.get(key);
    if (known?.entryId === entry.id) return [];
    const findings = known === undefined ? [] : [this.#close(known, nowMs)];
    if (this.#flows.size >= this.#max) {
      this.#refusedTotal++;
      return findings;
    }
    const id = this.#nextId++;
    const flow = flowOf(entry, this.#netns);
    this.#flows.set(key, { id, entryId: entry.id, flow, key, recheckAtMs: nowMs + recheckMs });
    return [...findings, { kind: 'forwarded', id, flow, openedAtMs: nowMs }];
  }

  /** Flows that were not asked after for a while, at most `max` of them; they count as asked after. */
  takeDue(nowMs: number, max: number): Flow[] {
    const due: KnownFlow[] = [];
    for (const known of this.#flows.values()) {
      if (due.length === max || known.recheckAtMs > nowMs) break;
      due.push(known);
    }
    for (const known of due) {
      this.#flows.delete(known.key);
      known.recheckAtMs = nowMs + recheckMs;
      this.#flows.set(known.key, known);
    }
    return due;
  }

  /**
   * Ends a flow whose entry is gone, over or of another; and one of a container that was not known yet when it began.
   *
   * @param answer what the table says of the flow's tuple
   */
  checked(
    { id, flow, entryId }: Flow,
    answer: ConntrackAnswer,
    own: ReadonlySet<IpAddress>,
    nowMs: number,
  ): SocketFinding[] {
    if (answer === 'unanswered') return [];
    const isAsBefore = answer !== 'none' && answer.id === entryId && answer.phase !== 'over';
    if (isAsBefore && isPassedOn(answer, own)) return [];
    const known = this.#flows.get(keyOfFlow(flow));
    return known?.id === id ? [this.#close(known, nowMs)] : [];
  }

  #close({ key, id }: KnownFlow, nowMs: number): SocketFinding {
    this.#flows.delete(key);
    return { kind: 'forward-closed', id, closedAtMs: nowMs };
  }
}

/** Whether neither end of a translated conversation is on this host. */
function isPassedOn({ isTranslated, original, reply }: ConntrackEntry, own: ReadonlySet<IpAddress>): boolean {
  return isTranslated && !own.has(original.source.ip) && !own.has(reply.source.ip);
}

function flowOf({ protocol, original, reply }: ConntrackEntry, netns: number): ForwardedFlow {
  return {
    protocol,
    netns,
    dialed: { local: original.source, remote: original.destination },
    forwarded: { local: reply.destination, remote: reply.source },
  };
}

function keyOf({ protocol, original }: ConntrackEntry): string {
  return `${protocol}|${formatEndpoint(original.source)}|${formatEndpoint(original.destination)}`;
}

function keyOfFlow({ protocol, dialed }: ForwardedFlow): string {
  return `${protocol}|${formatEndpoint(dialed.local)}|${formatEndpoint(dialed.remote)}`;
}
