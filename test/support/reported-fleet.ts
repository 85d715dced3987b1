/** Builds hosts and reported sockets by hand, and a live view that takes them: for tests of correlation and graph. */

import { defaultCorrelatorLimits } from '../../aggregator/correlate/correlator.ts';
import type { ReportedFlow, ReportedSocket, ReportingHost } from '../../aggregator/correlate/report.ts';
import { type AddressName, Naming, type ServiceRule } from '../../aggregator/graph/naming.ts';
import { LiveView, type LiveViewOptions } from '../../aggregator/live-view.ts';
import type { ConnectionView, EdgeView, FleetEvent } from '../../aggregator/serve/fleet-view.ts';
import { noContainer } from '../../model/container.ts';
import { parseEndpoint } from '../../model/endpoint.ts';
import type { FourTuple } from '../../model/four-tuple.ts';
import { parsePrefix } from '../../model/ip.ts';
import { defaultEphemeralPorts, type Netns } from '../../model/netns.ts';
import type { Owner, Process } from '../../model/process.ts';
import type { Protocol, SocketState } from '../../model/socket-state.ts';
import type { Translation } from '../../model/translation.ts';

/** Inode of the namespace that every host built here has. */
export const hostNetns = 4026531840;

export interface HostShape {
  readonly realm?: string;
  readonly addresses?: readonly string[];
  readonly localNetworks?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
}

export interface SocketShape {
  readonly translation?: Translation;
  readonly protocol?: Protocol;
  readonly state?: SocketState;
  readonly program?: string | null;
  readonly pid?: number;
  readonly cmdline?: string;
  readonly netns?: number;
  readonly openedAtMs?: number;
  readonly notBeforeMs?: number;
}

export function processNamed(program: string, pid = 100, cmdline = program): Process {
  return {
    pid,
    startTicks: pid * 10,
    comm: program.slice(0, 15),
    exe: `/usr/bin/${program}`,
    cmdline,
    program,
    uid: 1000,
    user: 'svc',
    ...noContainer,
    unit: null,
  };
}

function ownersOf(program: string | null, pid: number, cmdline = program): readonly Owner[] {
  return program === null ? [] : [{ process: processNamed(program, pid, cmdline!), fds: [7] }];
}

export function netnsOf(inode: number, shape: HostShape): Netns {
  return {
    inode,
    isHost: inode === hostNetns,
    addresses: (shape.addresses ?? []).map((ip) => ({ ip, prefixLength: 24, device: 'eth0' })),
    localNetworks: (shape.localNetworks ?? []).map((text) => parsePrefix(text)!),
    ephemeralPorts: defaultEphemeralPorts,
  };
}

/** `10.0.0.1:40000>10.0.0.2:80` */
export function tupleOf(text: string): FourTuple {
  const [local, remote] = text.split('>').map((endpoint) => parseEndpoint(endpoint)!);
  return { local: local!, remote: remote! };
}

/** @param stages as `local>remote`, from the socket outward */
export function translationOf(role: Translation['role'], stages: readonly string[]): Translation {
  return { role, stages: stages.map(tupleOf) };
}

/** What the host tells from now on is so at that moment. */
export function asOf(host: ReportingHost, atMs: number): void {
  host.asOfBeforeMs = host.asOfMs;
  host.asOfMs = Math.max(host.asOfMs, atMs);
}

export class ReportedFleet {
  /** Hosts say themselves as of when they tell; else it is always now. */
  tellsAsOf = false;
  nowMs = 1_000_000;
  readonly hosts = new Map<string, ReportingHost>();
  readonly events: FleetEvent[] = [];
  readonly view: LiveView;
  #lastId = 0;

  constructor(
    options: {
      rules?: readonly ServiceRule[];
      names?: readonly AddressName[];
      sinceMs?: number;
      plainMax?: number;
      sieve?: NonNullable<LiveViewOptions['sieve']>;
    } = {},
  ) {
    this.nowMs = options.sinceMs ?? this.nowMs;
    this.view = new LiveView({
      naming: new Naming(options.rules ?? [], options.names ?? []),
      limits: { ...defaultCorrelatorLimits, plainMax: options.plainMax ?? 1 << 12 },
      sinceMs: this.nowMs,
      clock: () => this.nowMs,
      monotonicClock: () => this.nowMs,
      hosts: () => this.hosts.values(),
      ...(options.sieve === undefined ? {} : { sieve: options.sieve }),
    });
    this.view.subscribe((event) => this.events.push(event));
  }

  host(name: string, shape: HostShape = {}): ReportingHost {
    const host: ReportingHost = {
      id: name,
      name,
      realm: shape.realm ?? 'default',
      labels: new Map(Object.entries(shape.labels ?? {})),
      state: 'live',
      collector: 'procfs',
      events: '',
      cannotSee: [],
      agentVersion: '0',
      intervalMs: 1_000,
      netns: new Map([[hostNetns, netnsOf(hostNetns, shape)]]),
      gaps: [],
      lostEvents: 0,
      lastSeenMs: this.nowMs,
      asOfMs: this.nowMs,
      asOfBeforeMs: this.nowMs,
      awaySinceMs: null,
      clockOffsetMs: 0,
      clockDoubtMs: null,
    };
    this.hosts.set(name, host);
    this.view.reports.hostChanged(host, this.nowMs);
    return host;
  }

  /** A socket as it would be reported, not reported yet. */
  build(host: ReportingHost, local: string, remote: string, shape: SocketShape = {}): ReportedSocket {
    this.#lastId++;
    return {
      host,
      netns: shape.netns ?? hostNetns,
      protocol: shape.protocol ?? 'tcp',
      id: `${host.id}-${this.#lastId}`,
      local: parseEndpoint(local)!,
      remote: parseEndpoint(remote)!,
      uid: 1000,
      openedAtMs: shape.openedAtMs ?? this.nowMs,
      notBeforeMs: shape.notBeforeMs ?? this.nowMs - 1_000,
      acceptedMs: this.nowMs,
      state: shape.state ?? 'established',
      inode: 5000 + this.#lastId,
      owners: ownersOf(shape.program === undefined ? 'app' : shape.program, shape.pid ?? 100, shape.cmdline),
      translation: shape.translation ?? null,
      counters: null,
      byConntrack: false,
      closedAtMs: null,
    };
  }

  open(host: ReportingHost, local: string, remote: string, shape: SocketShape = {}): ReportedSocket {
    const socket = this.build(host, local, remote, shape);
    this.view.reports.opened(socket, this.nowMs);
    return socket;
  }

  listen(host: ReportingHost, local: string, shape: SocketShape = {}): ReportedSocket {
    const remote = local.startsWith('[') ? '[::]:0' : '0.0.0.0:0';
    return this.open(host, local, remote, { state: 'listen', notBeforeMs: 0, ...shape });
  }

  change(socket: ReportedSocket, state: SocketState): void {
    const previous = socket.state;
    socket.state = state;
    this.view.reports.changed(socket, previous, this.nowMs);
  }

  close(socket: ReportedSocket): void {
    socket.closedAtMs = this.nowMs;
    this.view.reports.closed(socket, this.nowMs);
  }

  translate(socket: ReportedSocket, role: Translation['role'], stages: readonly string[]): void {
    socket.translation = translationOf(role, stages);
    this.view.reports.translated(socket, this.nowMs);
  }

  /** @param dialed, forwarded as `local>remote`, the client's side first */
  forward(
    host: ReportingHost,
    dialed: string,
    forwarded: string,
    protocol: Protocol = 'tcp',
    openedAtMs: number = this.nowMs,
  ): ReportedFlow {
    const tuples = { dialed: tupleOf(dialed), forwarded: tupleOf(forwarded) };
    const flow = { host, protocol, netns: hostNetns, ...tuples, openedAtMs };
    this.view.reports.forwarded(flow, this.nowMs);
    return flow;
  }

  /** Lets time pass; hosts that are live are heard at its end. */
  pass(ms: number): void {
    this.nowMs += ms;
    for (const host of this.hosts.values()) {
      if (host.state !== 'live') continue;
      host.lastSeenMs = this.nowMs;
      if (!this.tellsAsOf) asOf(host, this.nowMs);
    }
    this.view.correlator.sweep(this.nowMs);
  }

  connections(): ConnectionView[] {
    return [...this.view.connections()];
  }

  /** The only connection there is. */
  only(): ConnectionView {
    const all = this.connections();
    if (all.length !== 1) throw new Error(`expected one connection, there are ${all.length}`);
    return all[0]!;
  }

  edges(): EdgeView[] {
    return [...this.view.edges()];
  }
}
