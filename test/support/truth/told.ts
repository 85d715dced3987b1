/** Writes down what the aggregator's ingest makes of the wire, on its way to correlation: the inputs of the answer. */
import { defaultCorrelatorLimits } from '../../../aggregator/correlate/correlator.ts';
import { flowLingerMs } from '../../../aggregator/correlate/flows.ts';
import { clockSlackMs, usualDifferenceMs } from '../../../aggregator/correlate/generations.ts';
import type {
  KeptSockets,
  ReportedFlow,
  ReportedSocket,
  ReportingHost,
  SocketReports,
  TakeBack,
} from '../../../aggregator/correlate/report.ts';
import { formatEndpoint } from '../../../model/endpoint.ts';
import type { FourTuple } from '../../../model/four-tuple.ts';
import type { SocketState } from '../../../model/socket-state.ts';
import { ToldKept } from './told-kept.ts';
import { type EndName, endNames, endOfPid, type History, type Truth } from './true-history.ts';

/** An end as it was told: the last one where it was told anew. */
export type ToldEnds = Partial<Record<EndName, ReportedSocket>>;

const none: ReadonlySet<ReportedSocket> = new Set();

export class Told implements SocketReports {
  readonly ends = new Map<Truth, ToldEnds>();
  /** Until when each record of a conversation that is passed on is kept, by host and `local>remote` as dialed. */
  readonly #flowsUntil = new Map<string, number>();
  readonly #sockets = new Map<Truth, Record<EndName, Set<ReportedSocket>>>();
  readonly #toldAtMs = new Map<ReportedSocket, number>();
  /** How often a host was given up. */
  hostsLost = 0;
  /** Ends that were told when their grace time would have been over. */
  lateEnds = 0;
  readonly #history: History;
  readonly #next: SocketReports;
  readonly #startUnixMs: number;

  /** @param startUnixMs of the history, on the aggregator's clock */
  constructor(history: History, next: SocketReports, startUnixMs: number) {
    this.#startUnixMs = startUnixMs;
    this.#history = history;
    this.#next = next;
  }

  kept(host: ReportingHost, left: TakeBack): KeptSockets | null {
    const told = new ToldKept(host, {
      told: (socket, nowMs) => this.#tell(socket, nowMs),
      untold: (socket) => this.#untell(socket),
      replaced: (before, now) => this.#replace(before, now),
    });
    const next = this.#next.kept(host, (slot, id, socket) => {
      told.replace(slot, socket);
      left(slot, id, socket);
    });
    return next === null ? null : told.before(next);
  }

  opened(socket: ReportedSocket, nowMs: number): void {
    this.#tell(socket, nowMs);
    this.#next.opened(socket, nowMs);
  }

  #tell(socket: ReportedSocket, nowMs: number): void {
    this.#toldAtMs.set(socket, nowMs);
    if (nowMs - socket.openedAtMs > defaultCorrelatorLimits.graceMs) this.lateEnds++;
    this.#note(socket);
  }

  /** It is about to be told as another object. */
  #untell(socket: ReportedSocket): void {
    const nowMs = this.#toldAtMs.get(socket)!;
    if (nowMs - socket.openedAtMs > defaultCorrelatorLimits.graceMs) this.lateEnds--;
    this.#toldAtMs.delete(socket);
    for (const sockets of this.#sockets.values()) for (const name of endNames) sockets[name].delete(socket);
  }

  changed(socket: ReportedSocket, previousState: SocketState, nowMs: number): void {
    this.#note(socket);
    this.#next.changed(socket, previousState, nowMs);
  }

  closed(socket: ReportedSocket, nowMs: number): void {
    this.#next.closed(socket, nowMs);
  }

  translated(socket: ReportedSocket, nowMs: number): void {
    this.#next.translated(socket, nowMs);
  }

  counted(socket: ReportedSocket, nowMs: number): void {
    this.#next.counted(socket, nowMs);
  }

  forwarded(flow: ReportedFlow, nowMs: number): void {
    this.#flowsUntil.set(flowName(flow), Number.POSITIVE_INFINITY);
    this.#next.forwarded(flow, nowMs);
  }

  forwardEnded(flow: ReportedFlow, nowMs: number): void {
    this.#flowsUntil.set(flowName(flow), nowMs + flowLingerMs);
    this.#next.forwardEnded(flow, nowMs);
  }

  hostChanged(host: ReportingHost, nowMs: number): void {
    this.#next.hostChanged(host, nowMs);
  }

  hostLost(host: ReportingHost, sockets: Iterable<ReportedSocket>, nowMs: number): void {
    this.hostsLost++;
    this.#next.hostLost(host, sockets, nowMs);
  }

  /** Whether the aggregator has both ends of it, with all that conntrack knows of their way. */
  isFullyTold(truth: Truth): boolean {
    const ends = this.ends.get(truth);
    if (ends?.client === undefined || ends.server === undefined) return false;
    if ([ends.client, ends.server].some((socket) => this.#beganBefore(socket, truth))) return false;
    const hasStages = endNames.every((name) => {
      const [stages, told] = [truth[name]!.stages, ends[name]!.translation?.stages ?? []];
      return stages.every((stage, n) => told[n] !== undefined && textOf(told[n]) === stage);
    });
    if (truth.flow === null || !hasStages) return hasStages;
    const name = `id-${truth.flow.host} ${truth.flow.dialed} ${truth.protocol}`;
    const toldAtMs = Math.max(this.#toldAtMs.get(ends.client)!, this.#toldAtMs.get(ends.server)!);
    return (this.#flowsUntil.get(name) ?? 0) > toldAtMs;
  }

  /**
   * Whether it was told before that conversation began: what waited to be accepted has no inode, so its agent took the next
   * socket of that tuple for the same one.
   */
  #beganBefore({ openedAtMs }: ReportedSocket, { bornMs }: Truth): boolean {
    return openedAtMs + usualDifferenceMs < this.#startUnixMs + bornMs;
  }

  #note(socket: ReportedSocket): void {
    const [owner] = socket.owners;
    if (owner === undefined) return this.#noteOwnerless(socket);
    const end = endOfPid(this.#history, owner.process.pid);
    if (end === null) return;
    this.ends.set(end.truth, { ...this.ends.get(end.truth), [end.name]: socket });
    this.#noteFor(end.truth, end.name, socket);
  }

  /** It may be of any generation of its tuple that began about then. */
  #noteOwnerless(socket: ReportedSocket): void {
    const { host, netns, protocol, notBeforeMs, openedAtMs } = socket;
    const [from, to] = [formatEndpoint(socket.local), formatEndpoint(socket.remote)];
    for (const truth of this.#history.truths) {
      const bornMs = this.#startUnixMs + truth.bornMs;
      if (truth.protocol !== protocol) continue;
      if (bornMs < notBeforeMs - clockSlackMs || bornMs > openedAtMs + clockSlackMs) continue;
      for (const name of endNames) {
        const end = truth[name];
        if (end === null || `id-${end.host}` !== host.id || end.netns !== netns) continue;
        if (end.local === from && end.remote === to) this.#noteFor(truth, name, socket);
      }
    }
  }

  #noteFor(truth: Truth, name: EndName, socket: ReportedSocket): void {
    const sockets = this.#sockets.get(truth) ?? { client: new Set(), server: new Set() };
    this.#sockets.set(truth, sockets);
    sockets[name].add(socket);
  }

  /** Another object stands for a socket. */
  #replace(before: ReportedSocket, now: ReportedSocket): void {
    const toldAtMs = this.#toldAtMs.get(before);
    if (toldAtMs !== undefined) this.#toldAtMs.set(now, toldAtMs);
    for (const [truth, ends] of this.ends) {
      for (const name of endNames) if (ends[name] === before) this.ends.set(truth, { ...ends, [name]: now });
    }
    for (const sockets of this.#sockets.values()) {
      for (const name of endNames) if (sockets[name].delete(before)) sockets[name].add(now);
    }
  }

  /** Every socket that may have been told for that end. */
  socketsOf(truth: Truth, name: EndName): ReadonlySet<ReportedSocket> {
    return this.#sockets.get(truth)?.[name] ?? none;
  }
}

function flowName({ host, dialed, protocol }: ReportedFlow): string {
  return `${host.id} ${textOf(dialed)} ${protocol}`;
}

function textOf({ local, remote }: FourTuple): string {
  return `${formatEndpoint(local)}>${formatEndpoint(remote)}`;
}
