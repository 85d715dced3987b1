/** Tells an aggregator a true history: watched by real SocketWatches, each on a clock of its own, with arbitrary delays. */
import { SocketWatch } from '../../../agent/watch/socket-watch.ts';
import type { ReportedSocket, ReportingHost } from '../../../aggregator/correlate/report.ts';
import { formatEndpoint } from '../../../model/endpoint.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import type { SocketEvent } from '../../../model/socket-event.ts';
import { hostNetns, netnsOf, ReportedFleet } from '../../support/reported-fleet.ts';
import { containers, endMs, type History, rowsAt, scanIntervalMs, type Truth } from './true-history.ts';

const localNetworks = ['172.17.0.0/16'];

/** One message of one host: what a scan found, and when it reaches the aggregator. */
interface Delivery {
  readonly atMs: number;
  readonly host: number;
  readonly events: readonly SocketEvent[];
  /** The host is given up, or back with a snapshot of what it had when it was given up. */
  readonly kind: 'events' | 'lost' | 'back';
}

/** A history in the order in which the aggregator is told of it. */
export class Telling {
  readonly fleet = new ReportedFleet();
  readonly history: History;
  /** Which conversation a reported socket is an end of. */
  readonly truthOf = new Map<ReportedSocket, Truth>();
  /** How many ends of each conversation were reported. */
  readonly endsReported = new Map<Truth, Set<string>>();
  readonly #hosts: ReportingHost[];
  readonly #startMs: number;
  readonly #truthOfEvent = new Map<SocketEvent, Truth>();
  readonly #open: Map<number, ReportedSocket>[];

  constructor(story: History) {
    this.history = story;
    this.#startMs = this.fleet.nowMs;
    this.#open = story.hosts.map(() => new Map());
    this.#hosts = story.hosts.map((_, n) => {
      const host = this.fleet.host(`h${n}`, { addresses: [`10.0.0.${n + 1}`, '172.17.0.1'], localNetworks });
      for (const [i, inode] of containers.entries()) {
        host.netns.set(inode, netnsOf(inode, { addresses: [`172.17.0.${i + 2}`] }));
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

  /** The last thing that the hosts tell. */
  closeListeners(): void {
    for (const open of this.#open) {
      for (const socket of open.values()) this.fleet.close(socket);
      open.clear();
    }
  }

  #deliveriesOf(host: number): Delivery[] {
    const { delaysMs, lost, phaseMs } = this.history.hosts[host]!;
    const deliveries: Delivery[] = [];
    const watch = new SocketWatch();
    let atMs = 0;
    for (let scanMs = phaseMs; scanMs < endMs; scanMs += scanIntervalMs) {
      const events = this.#scan(watch, host, scanMs);
      if (events.length === 0) continue;
      atMs = Math.max(atMs, scanMs + (delaysMs[deliveries.length] ?? 0));
      deliveries.push({ atMs, host, events, kind: 'events' });
    }
    if (lost === null) return deliveries;
    const backMs = lost.fromMs + lost.forMs;
    return [
      ...deliveries.map((delivery) =>
        delivery.atMs >= lost.fromMs && delivery.atMs < backMs ? { ...delivery, atMs: backMs } : delivery,
      ),
      { atMs: lost.fromMs, host, events: [], kind: 'lost' as const },
      { atMs: backMs - 0.5, host, events: [], kind: 'back' as const },
    ].sort((a, b) => a.atMs - b.atMs);
  }

  #scan(watch: SocketWatch, host: number, scanMs: number): SocketEvent[] {
    const rows = [...rowsAt(this.history, host, scanMs)];
    const netns = [hostNetns, ...containers];
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

  #deliver({ kind, host: n, events }: Delivery): void {
    const { reports } = this.fleet.view;
    const [host, open, nowMs] = [this.#hosts[n]!, this.#open[n]!, this.fleet.nowMs];
    if (kind === 'lost') {
      host.state = 'lost';
      reports.hostLost(host, open.values(), nowMs);
    } else if (kind === 'back') {
      host.state = 'live';
      reports.hostChanged(host, nowMs);
      for (const [id, socket] of open)
        this.#openSocket(n, id, { ...socket }, this.truthOf.get(socket) ?? null);
    }
    for (const event of events) this.#tellEvent(n, event);
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
      translation: null,
      counters: null,
      closedAtMs: null,
    };
    this.#openSocket(n, event.id, socket, this.#truthOfEvent.get(event) ?? null);
  }

  #openSocket(n: number, id: number, socket: ReportedSocket, truth: Truth | null): void {
    this.#open[n]!.set(id, socket);
    if (truth !== null) {
      this.truthOf.set(socket, truth);
      const ends = this.endsReported.get(truth) ?? new Set();
      this.endsReported.set(truth, ends.add(nameOf(socket)));
    }
    this.fleet.view.reports.opened(socket, this.fleet.nowMs);
  }
}

function nameOf(socket: Pick<OwnedSocket, 'netns' | 'protocol' | 'local' | 'remote'>): string {
  return `${socket.netns} ${socket.protocol} ${formatEndpoint(socket.local)} ${formatEndpoint(socket.remote)}`;
}
