/** Tells an aggregator a true history: watched by real SocketWatches, each on a clock of its own, with arbitrary delays. */
import { SocketWatch } from '../../../agent/watch/socket-watch.ts';
import type { ReportedFlow, ReportedSocket, ReportingHost } from '../../../aggregator/correlate/report.ts';
import { formatEndpoint } from '../../../model/endpoint.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import type { SocketEvent } from '../../../model/socket-event.ts';
import type { Translation } from '../../../model/translation.ts';
import { asOf, hostNetns, netnsOf, ReportedFleet, translationOf } from '../../support/reported-fleet.ts';
import { hostIp, innerNamespaces, podIp } from './true-ends.ts';
import { endMs, flowsAt, type History, rowsAt, scanIntervalMs, type Truth } from './true-history.ts';

const localNetworks = ['172.17.0.0/16'];

/** One message of one host: what a scan found, and when it reaches the aggregator. */
interface Delivery {
  readonly atMs: number;
  /** When the scan was made. */
  readonly scanMs: number;
  readonly host: number;
  readonly events: readonly SocketEvent[];
  /** Sockets of earlier messages that conntrack was asked about meanwhile. */
  readonly lookedUp: readonly number[];
  /** What it passes on since this scan, and what it does not any more. */
  readonly flowsBegun: readonly Truth[];
  readonly flowsEnded: readonly Truth[];
  /** The host is given up, or back with a snapshot of what it had when it was given up. */
  readonly kind: 'events' | 'lost' | 'back';
}

const nothing = { events: [], lookedUp: [], flowsBegun: [], flowsEnded: [], kind: 'events' } as const;

/** A history in the order in which the aggregator is told of it. */
export class Telling {
  readonly fleet = new ReportedFleet();
  readonly history: History;
  /** Which conversation a reported socket is an end of. */
  readonly truthOf = new Map<ReportedSocket, Truth>();
  /** Which ends of each conversation were reported, with all that is to be known of where they are. */
  readonly endsReported = new Map<Truth, Set<string>>();
  /** Conversations of which a host said that it passes them on. */
  readonly flowsReported = new Set<Truth>();
  readonly #hosts: ReportingHost[];
  readonly #startMs: number;
  readonly #truthOfEvent = new Map<SocketEvent, Truth>();
  readonly #open: Map<number, ReportedSocket>[];
  /** Flows that go on, as told. */
  readonly #flows: Map<Truth, ReportedFlow>[];

  constructor(story: History) {
    this.history = story;
    this.#startMs = this.fleet.nowMs;
    this.fleet.tellsAsOf = true;
    this.#open = story.hosts.map(() => new Map());
    this.#flows = story.hosts.map(() => new Map());
    this.#hosts = story.hosts.map((_, n) => {
      const host = this.fleet.host(`h${n}`, { addresses: [hostIp(n), '172.17.0.1'], localNetworks });
      const addresses = ['172.17.0.2', '172.17.0.3', podIp(n)];
      for (const [i, inode] of innerNamespaces.entries()) {
        host.netns.set(inode, netnsOf(inode, { addresses: [addresses[i]!] }));
      }
      this.fleet.view.reports.hostChanged(host, this.fleet.nowMs);
      return host;
    });
  }

  /** @param afterEach called after each message */
  tell(afterEach: () => void): void {
    const deliveries = this.history.hosts.flatMap((_, host) => this.#deliveriesOf(host));
    for (const delivery of deliveries.sort((a, b) => a.atMs - b.atMs)) {
      while (this.fleet.nowMs + 1_000 <= this.#startMs + delivery.atMs) this.fleet.pass(1_000);
      this.fleet.nowMs = Math.max(this.fleet.nowMs, this.#startMs + delivery.atMs);
      this.#deliver(delivery);
      afterEach();
    }
  }

  /** The last thing that the hosts tell: they have neither listeners nor anything to pass on any more. */
  endAll(): void {
    for (const [n, flows] of this.#flows.entries()) for (const truth of flows.keys()) this.#endFlow(n, truth);
    for (const open of this.#open) {
      for (const socket of open.values()) this.fleet.close(socket);
      open.clear();
    }
  }

  #deliveriesOf(host: number): Delivery[] {
    const { delaysMs, lookUp, lost, phaseMs } = this.history.hosts[host]!;
    const deliveries: Delivery[] = [];
    const watch = new SocketWatch();
    let [atMs, opened, flows] = [0, [] as number[], [] as Truth[]];
    for (let scanMs = phaseMs; scanMs < endMs; scanMs += scanIntervalMs) {
      const events = this.#scan(watch, host, scanMs);
      const lookedUp = lookUp === 'later' ? opened : [];
      opened = events.filter(({ kind }) => kind === 'opened').map(({ id }) => id);
      const before = flows;
      flows = lookUp === 'never' ? [] : flowsAt(this.history, host, scanMs);
      const flowsBegun = flows.filter((truth) => !before.includes(truth));
      const flowsEnded = before.filter((truth) => !flows.includes(truth));
      if ([events, lookedUp, flowsBegun, flowsEnded].every((list) => list.length === 0)) continue;
      atMs = Math.max(atMs, scanMs + (delaysMs[deliveries.length] ?? 0));
      deliveries.push({ ...nothing, atMs, scanMs, host, events, lookedUp, flowsBegun, flowsEnded });
    }
    if (lost === null) return deliveries;
    const backMs = lost.fromMs + lost.forMs;
    return [
      ...deliveries.map((delivery) =>
        delivery.atMs >= lost.fromMs && delivery.atMs < backMs ? { ...delivery, atMs: backMs } : delivery,
      ),
      { ...nothing, atMs: lost.fromMs, scanMs: 0, host, kind: 'lost' as const },
      { ...nothing, atMs: backMs - 0.5, scanMs: 0, host, kind: 'back' as const },
    ].sort((a, b) => a.atMs - b.atMs);
  }

  #scan(watch: SocketWatch, host: number, scanMs: number): SocketEvent[] {
    const rows = [...rowsAt(this.history, host, scanMs)];
    const netns = [hostNetns, ...innerNamespaces];
    const events = watch.apply({
      startedAtMs: scanMs + this.#startMs,
      finishedAtMs: scanMs + this.#startMs,
      sockets: rows.map(([socket]) => socket),
      netns: netns.map((inode) => netnsOf(inode, {})),
      scannedNetns: new Set(netns),
      malformed: [],
      malformedTotal: 0,
      cannotSee: [],
    });
    const truths = new Map(rows.map(([socket, truth]) => [nameOf(socket), truth]));
    for (const event of events) {
      const truth = event.kind === 'opened' ? truths.get(nameOf(event.socket)) : null;
      if (truth != null) this.#truthOfEvent.set(event, truth);
    }
    return events;
  }

  #deliver({ kind, host: n, scanMs, events, lookedUp, flowsBegun, flowsEnded }: Delivery): void {
    asOf(this.#hosts[n]!, this.#startMs + scanMs + this.history.hosts[n]!.skewMs);
    if (kind === 'lost') this.#lose(n);
    else if (kind === 'back') this.#bringBack(n);
    for (const id of lookedUp) this.#lookUp(n, id);
    for (const truth of flowsEnded) this.#endFlow(n, truth);
    for (const event of events) this.#tellEvent(n, event);
    for (const truth of flowsBegun) this.#beginFlow(n, truth);
  }

  #lose(n: number): void {
    const [host, open] = [this.#hosts[n]!, this.#open[n]!];
    host.state = 'lost';
    const { reports } = this.fleet.view;
    for (const flow of this.#flows[n]!.values()) reports.forwardEnded(flow, this.fleet.nowMs);
    reports.hostLost(host, open.values(), this.fleet.nowMs);
  }

  #bringBack(n: number): void {
    const [host, open] = [this.#hosts[n]!, this.#open[n]!];
    host.state = 'live';
    this.fleet.view.reports.hostChanged(host, this.fleet.nowMs);
    for (const [id, socket] of open) this.#openSocket(n, id, { ...socket }, this.truthOf.get(socket) ?? null);
    for (const truth of this.#flows[n]!.keys()) this.#beginFlow(n, truth);
  }

  #beginFlow(n: number, truth: Truth): void {
    const { dialed, forwarded } = truth.flow!;
    this.#flows[n]!.set(truth, this.fleet.forward(this.#hosts[n]!, dialed, forwarded, truth.protocol));
    this.flowsReported.add(truth);
  }

  #endFlow(n: number, truth: Truth): void {
    this.fleet.view.reports.forwardEnded(this.#flows[n]!.get(truth)!, this.fleet.nowMs);
    this.#flows[n]!.delete(truth);
  }

  #lookUp(n: number, id: number): void {
    const socket = this.#open[n]!.get(id);
    const truth = socket === undefined ? undefined : this.truthOf.get(socket);
    if (socket === undefined || truth === undefined) return;
    socket.translation = translationIn(truth, socket);
    this.fleet.view.reports.translated(socket, this.fleet.nowMs);
    this.#noteReported(truth, socket);
  }

  /** An end is known when it is told how it is translated. */
  #noteReported(truth: Truth, socket: ReportedSocket): void {
    const { stages } = endOf(truth, socket);
    if (stages.length > (socket.translation?.stages.length ?? 0)) return;
    const ends = this.endsReported.get(truth) ?? new Set();
    this.endsReported.set(truth, ends.add(nameOf(socket)));
  }

  #tellEvent(n: number, event: SocketEvent): void {
    const { reports } = this.fleet.view;
    const { nowMs } = this.fleet;
    if (event.kind === 'opened') return this.#openEvent(n, event);
    const socket = this.#open[n]!.get(event.id)!;
    if (event.kind === 'changed') {
      const previous = socket.state;
      Object.assign(socket, {
        state: event.socket.state,
        inode: event.socket.inode,
        owners: event.socket.owners,
      });
      reports.changed(socket, previous, nowMs);
    } else {
      this.#open[n]!.delete(event.id);
      socket.closedAtMs = event.closedAtMs + this.history.hosts[n]!.skewMs;
      reports.closed(socket, nowMs);
    }
  }

  #openEvent(n: number, event: Extract<SocketEvent, { kind: 'opened' }>): void {
    const { skewMs } = this.history.hosts[n]!;
    const { socket: row, openedAtMs, notBeforeMs } = event;
    const socket: ReportedSocket = {
      ...row,
      host: this.#hosts[n]!,
      id: `${event.id}`,
      openedAtMs: openedAtMs + skewMs,
      notBeforeMs: notBeforeMs === 0 ? 0 : notBeforeMs + skewMs,
      acceptedMs: 0,
      translation: null,
      counters: null,
      byConntrack: false,
      closedAtMs: null,
    };
    const truth = this.#truthOfEvent.get(event) ?? null;
    const isLookedUp = truth !== null && this.history.hosts[n]!.lookUp === 'at-once';
    if (isLookedUp) socket.translation = translationIn(truth, socket);
    this.#openSocket(n, event.id, socket, truth);
  }

  #openSocket(n: number, id: number, socket: ReportedSocket, truth: Truth | null): void {
    this.#open[n]!.set(id, socket);
    if (truth !== null) {
      this.truthOf.set(socket, truth);
      this.#noteReported(truth, socket);
    }
    this.fleet.view.reports.opened(socket, this.fleet.nowMs);
  }
}

/** The end of a conversation that a socket is. */
function endOf({ ends }: Truth, { local }: ReportedSocket): Truth['ends'][number] {
  return ends[0].local === formatEndpoint(local) ? ends[0] : ends[1];
}

function translationIn(truth: Truth, socket: ReportedSocket): Translation {
  const end = endOf(truth, socket);
  return translationOf(end === truth.ends[0] ? 'client' : 'server', end.stages);
}

function nameOf(socket: Pick<OwnedSocket, 'netns' | 'protocol' | 'local' | 'remote'>): string {
  return `${socket.netns} ${socket.protocol} ${formatEndpoint(socket.local)} ${formatEndpoint(socket.remote)}`;
}
