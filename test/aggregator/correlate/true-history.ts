/**
 * Histories of which the truth is known: conversations between three hosts as their kernels would show them, watched by
 * real SocketWatches, each on a clock of its own, and told to an aggregator with arbitrary delays.
 */
import fc from 'fast-check';
import { SocketWatch } from '../../../agent/watch/socket-watch.ts';
import type { ReportedSocket, ReportingHost } from '../../../aggregator/correlate/report.ts';
import { formatEndpoint, parseEndpoint } from '../../../model/endpoint.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import type { SocketEvent } from '../../../model/socket-event.ts';
import type { Protocol, SocketState } from '../../../model/socket-state.ts';
import { hostNetns, netnsOf, processNamed, ReportedFleet } from '../../support/reported-fleet.ts';

export const hostCount = 3;
export const scanIntervalMs = 1_000;
/** What a host's clock is wrong by at most after its offset was taken off. */
export const skewMaxMs = 500;
const timeWaitMs = 60_000;
const lastBirthMs = 120_000;
/** By now everything is closed, and TIME_WAIT is over. */
const endMs = lastBirthMs + 30_000 + timeWaitMs + 10_000;
const localNetworks = ['172.17.0.0/16'];
const containers = [2, 3] as const;

/** One conversation, in milliseconds from the start of the history. */
export interface Truth {
  readonly number: number;
  readonly protocol: Protocol;
  readonly ends: readonly [client: TrueEnd, server: TrueEnd];
  readonly bornMs: number;
  readonly diedMs: number;
  /** How long the server's socket waits for accept, without an inode. */
  readonly queuedMs: number;
  /** Its client closed first and keeps it in TIME_WAIT, until the tuple is used anew. */
  readonly timeWaitUntilMs: number;
}

interface TrueEnd {
  readonly host: number;
  readonly netns: number;
  readonly local: string;
  readonly remote: string;
}

export interface History {
  readonly truths: readonly Truth[];
  readonly hosts: readonly HostHabits[];
}

interface HostHabits {
  readonly skewMs: number;
  readonly phaseMs: number;
  /** Delay of its n-th message with rows; it ends where the list does. */
  readonly delaysMs: readonly number[];
  /** When it is given up, and when it is back. */
  readonly lost: { readonly fromMs: number; readonly forMs: number } | null;
  /** Further listeners on the server's port, as SO_REUSEPORT has them. */
  readonly listeners: readonly { readonly fromMs: number; readonly forMs: number }[];
}

const pair = fc.record({
  kind: fc.constantFrom('hosts', 'hosts', 'hosts', 'loopback', 'containers'),
  client: fc.nat(hostCount - 1),
  step: fc.integer({ min: 1, max: hostCount - 1 }),
  port: fc.constantFrom(40_000, 40_001),
  protocol: fc.constantFrom<Protocol>('tcp', 'tcp', 'udp'),
  /** Its generations, one after the other. */
  uses: fc.array(
    fc.record({
      gapMs: fc.oneof(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 3_000, max: 50_000 })),
      lifeMs: fc.oneof(fc.integer({ min: 100, max: 3_000 }), fc.integer({ min: 3_000, max: 30_000 })),
      queuedMs: fc.constantFrom(0, 0, 700, 2_500),
      leavesTimeWait: fc.boolean(),
    }),
    { minLength: 1, maxLength: 5 },
  ),
});

const habits: fc.Arbitrary<HostHabits> = fc.record({
  skewMs: fc.integer({ min: -skewMaxMs, max: skewMaxMs }),
  phaseMs: fc.nat(scanIntervalMs - 1),
  delaysMs: fc.array(fc.constantFrom(0, 50, 800, 5_000, 20_000), { maxLength: 40 }),
  lost: fc.option(
    fc.record({
      fromMs: fc.integer({ min: 10_000, max: lastBirthMs }),
      forMs: fc.integer({ min: 1_000, max: 30_000 }),
    }),
    { freq: 3 },
  ),
  listeners: fc.array(
    fc.record({ fromMs: fc.nat(lastBirthMs), forMs: fc.integer({ min: 1_000, max: 60_000 }) }),
    {
      maxLength: 3,
    },
  ),
});

type Pair = typeof pair extends fc.Arbitrary<infer Value> ? Value : never;

export const history: fc.Arbitrary<History> = fc.record({
  truths: fc
    .uniqueArray(pair, {
      minLength: 1,
      maxLength: 6,
      selector: ({ kind, client, step, port, protocol }) =>
        `${kind} ${client} ${kind === 'hosts' ? step : ''} ${port} ${protocol}`,
    })
    .map((pairs) => pairs.flatMap(truthsOf).map((truth, number) => ({ ...truth, number }))),
  hosts: fc.tuple(habits, habits, habits),
});

function endsOf({ kind, client, step, port }: Pair): Truth['ends'] {
  const server = kind === 'hosts' ? (client + step) % hostCount : client;
  const ips = {
    hosts: [`10.0.0.${client + 1}`, `10.0.0.${server + 1}`],
    loopback: ['127.0.0.1', '127.0.0.1'],
    containers: ['172.17.0.2', '172.17.0.3'],
  }[kind];
  const [near, far] = [`${ips[0]}:${port}`, `${ips[1]}:80`];
  const netns = kind === 'containers' ? containers : ([hostNetns, hostNetns] as const);
  return [
    { host: client, netns: netns[0], local: near, remote: far },
    { host: server, netns: netns[1], local: far, remote: near },
  ];
}

function truthsOf(used: Pair): Omit<Truth, 'number'>[] {
  const ends = endsOf(used);
  const truths: Omit<Truth, 'number'>[] = [];
  let freeMs = 2 * scanIntervalMs;
  for (const [n, use] of used.uses.entries()) {
    const bornMs = freeMs + use.gapMs;
    const diedMs = bornMs + use.lifeMs;
    if (bornMs > lastBirthMs) break;
    const next = used.uses[n + 1];
    const reusedMs = next === undefined ? Number.POSITIVE_INFINITY : diedMs + next.gapMs;
    const leavesTimeWait = used.protocol === 'tcp' && use.leavesTimeWait;
    const timeWaitUntilMs = leavesTimeWait ? Math.min(diedMs + timeWaitMs, reusedMs) : diedMs;
    truths.push({ protocol: used.protocol, ends, bornMs, diedMs, queuedMs: use.queuedMs, timeWaitUntilMs });
    freeMs = diedMs;
  }
  return truths;
}

/** What the kernels of one host show at one moment: sockets, and whose they are. */
function* rowsAt(
  { truths, hosts }: History,
  host: number,
  atMs: number,
): Iterable<[OwnedSocket, Truth | null]> {
  for (const netns of [hostNetns, ...containers]) yield [listenerRow(netns, 900_000 + (netns % 1000)), null];
  for (const [n, { fromMs, forMs }] of hosts[host]!.listeners.entries()) {
    if (fromMs <= atMs && atMs < fromMs + forMs) yield [listenerRow(hostNetns, 910_000 + n), null];
  }
  for (const truth of truths) {
    for (const [n, end] of truth.ends.entries()) {
      if (end.host !== host) continue;
      const state = stateAt(truth, n === 0, atMs);
      if (state !== null) yield [endRow(truth, n, end, state, atMs), truth];
    }
  }
}

function stateAt(truth: Truth, isClient: boolean, atMs: number): SocketState | null {
  if (atMs < truth.bornMs) return null;
  if (atMs < truth.diedMs) return 'established';
  return isClient && atMs < truth.timeWaitUntilMs ? 'time-wait' : null;
}

function endRow(truth: Truth, n: number, end: TrueEnd, state: SocketState, atMs: number): OwnedSocket {
  const isQueued = n === 1 && truth.protocol === 'tcp' && atMs < truth.bornMs + truth.queuedMs;
  const hasInode = !isQueued && state === 'established';
  return {
    protocol: truth.protocol,
    state,
    local: parseEndpoint(end.local)!,
    remote: parseEndpoint(end.remote)!,
    inode: hasInode ? 1_000 + 2 * truth.number + n : 0,
    uid: 0,
    netns: end.netns,
    owners: hasInode ? [{ process: processNamed(n === 0 ? 'caller' : 'server', 100 + n), fds: [7] }] : [],
  };
}

function listenerRow(netns: number, inode: number): OwnedSocket {
  return {
    protocol: 'tcp',
    state: 'listen',
    local: parseEndpoint('0.0.0.0:80')!,
    remote: parseEndpoint('0.0.0.0:0')!,
    inode,
    uid: 0,
    netns,
    owners: [{ process: processNamed('server', 101), fds: [3] }],
  };
}

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
