/** What must hold once faults are over and a minute has passed: answers held against the truth. */
import type { ReportedSocket, ReportingHost } from '../../aggregator/correlate/report.ts';
import type { ConnectionView } from '../../aggregator/serve/fleet-view.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import { isListening } from '../../model/socket-state.ts';
import { beginUnixMs } from '../machines/machine-clock.ts';
import type { SimulatedAgent } from '../machines/simulated-agent.ts';
import type { RunningAggregator } from '../machines/simulated-aggregator.ts';
import type { Conversation } from '../world/conversation.ts';
import type { TrueSocket } from '../world/true-socket.ts';
import type { World } from '../world/world.ts';
import type { DeliveryChecks } from './delivery-checks.ts';
import type { GapTruth } from './gap-truth.ts';
import { type HostTruth, isOfTuple, lineOf, namedSocket } from './host-truth.ts';
import { demand } from './invariants.ts';
import { hostIndex } from './view-checks.ts';

export interface EndParts {
  readonly world: World;
  readonly running: RunningAggregator;
  readonly agents: readonly SimulatedAgent[];
  readonly truths: readonly HostTruth[];
  readonly delivery: DeliveryChecks;
  readonly gaps: GapTruth;
  /** When the aggregator was killed last; simulated milliseconds. */
  readonly killedMs: number;
  /** How long what is closed is shown. */
  readonly lingerMs: number;
  readonly nowMs: number;
  readonly intervalMs: number;
  /** No clock was set, and none was guessed far off. */
  readonly areClocksKnown: boolean;
  /** It had its chance to be asked for. */
  readonly probe: Conversation | null;
}

/** An end that is shown, with the connection that it is of. */
interface ShownEnd {
  readonly socket: ReportedSocket;
  readonly connection: ConnectionView;
}

/**
 * Whom each shown end is: named ones by inode or owner. Rows in TIME_WAIT and in an accept queue have neither, and say by
 * their tuple alone of whom they are: one of those that had it.
 */
class ShownEnds {
  readonly named = new Map<TrueSocket, ShownEnd[]>();
  readonly #nameless: ShownEnd[] = [];
  readonly #byTuple = new Map<string, ShownEnd[]>();
  readonly #truths = new Map<string, TrueSocket[]>();
  readonly #world: World;

  constructor(world: World, view: RunningAggregator['view']) {
    this.#world = world;
    for (const truth of world.ledger.values())
      add(this.#truths, keyOf(truth.identity.host, truth.row), truth);
    for (const shown of view.connections()) {
      const connection = view.held(shown);
      for (const { socket } of [connection.client, connection.server]) {
        if (socket !== null && !isListening(socket.state)) this.#add({ socket: { ...socket }, connection });
      }
    }
  }

  #add(end: ShownEnd): void {
    const { socket } = end;
    add(this.#byTuple, keyOf(hostIndex(socket.host), socket), end);
    const truth = namedSocket(this.#world, socket);
    // Who waits in an accept queue is shown with those who listen there.
    if (truth === null || truth.identity.conversation === null) this.#nameless.push(end);
    else add(this.named, truth, end);
  }

  /** Shown ends with the tuple of that socket, on its host. */
  alike({ identity, row }: TrueSocket): readonly ShownEnd[] {
    return this.#byTuple.get(keyOf(identity.host, row)) ?? [];
  }

  /** Shown ends that may be that socket. */
  of(truth: TrueSocket): readonly ShownEnd[] {
    const alike = this.alike(truth);
    if (!truth.isNamed) return alike;
    return alike.filter(
      (end) => this.named.get(truth)?.includes(end) === true || this.#nameless.includes(end),
    );
  }

  /** Others that had its tuple on its host later. */
  after(truth: TrueSocket): readonly TrueSocket[] {
    const { identity, row } = truth;
    const alike = this.#truths.get(keyOf(identity.host, row)) ?? [];
    return alike.slice(alike.indexOf(truth) + 1);
  }

  /** I2: each was shown by a scan, and nobody has what is another's. */
  demandTrue(): void {
    for (const [truth, ends] of this.named) {
      for (const { socket } of ends) {
        const line = (): string => `${socket.host.name}: ${lineOf(socket)}`;
        demand(isThat(truth, socket), 'I2', () => `${line()} is shown with what is of ${lineOf(truth.row)}`);
        for (const { process } of socket.owners) {
          demand(
            truth.pids.has(process.pid),
            'I2',
            () => `${line()} is held by ${process.pid}, who never held it`,
          );
        }
      }
    }
    for (const { socket } of this.#nameless) {
      const isKnown = [...this.#world.ledger.values()].some((truth) => isThat(truth, socket));
      demand(isKnown, 'I2', () => `${socket.host.name}: ${lineOf(socket)} was never there`);
    }
  }
}

function isThat(truth: TrueSocket, socket: ReportedSocket): boolean {
  return truth.identity.host === hostIndex(socket.host) && isOfTuple(truth, socket);
}

/** @returns whom answers show, all of it true */
export function demandTrue({ world, running }: EndParts): ShownEnds {
  const shown = new ShownEnds(world, running.view);
  shown.demandTrue();
  return shown;
}

/** I1, I3, I6, I17: everything that two scans showed is told once, and open as long as it is there. */
export function demandTold(shown: ShownEnds, parts: EndParts): void {
  for (const truth of parts.world.ledger.values()) {
    if (truth.identity.conversation === null) continue;
    const named = shown.named.get(truth) ?? [];
    const who = (): string => `${hostName(parts, truth)}: ${lineOf(truth.row)} (fd ${truth.identity.fd})`;
    demand(named.length <= 1, 'I3', () => `${who()} is shown as ${linesOfAll(named)}`);
    const open = shown.alike(truth).filter(({ socket }) => socket.closedAtMs === null);
    demand(open.length <= 1, 'I3', () => `${who()} is open as ${linesOfAll(open)}`);
    if (!truth.sightings.some(({ shown: times }) => times >= 2)) continue;
    const isRemains = truth.remainsInRun === parts.agents[truth.identity.host]!.run;
    if (truth.goneMs === null && (isRemains || isForgotten(truth, parts))) continue;
    if (truth.goneMs === null)
      demand(open.length === 1, 'I6', () => `${who()} is there and is not shown as open`);
    else if (isLongAgo(truth, parts)) demandOver(truth, shown, parts, who);
  }
}

function demandOver(truth: TrueSocket, shown: ShownEnds, parts: EndParts, who: () => string): void {
  if (isForgotten(truth, parts) || truth.goneMs! < parts.truths[truth.identity.host]!.forgetfulUntilMs)
    return;
  const isTold = shown.of(truth).length > 0 || parts.gaps.isDeclared(truth);
  demand(
    isTold,
    truth.goneMs! < parts.killedMs ? 'I5' : 'I1',
    () => `${who()} was seen, is over, and is nowhere`,
  );
  // Rows without a name go on as those of whoever has the tuple next.
  if (shown.after(truth).some((next) => !isLongAgo(next, parts))) return;
  const open = shown.of(truth).filter(({ socket }) => socket.closedAtMs === null);
  demand(open.length === 0, 'I17', () => `${who()} is over and is shown as ${linesOfAll(open)}`);
}

/** Nobody holds it for longer than what is closed is shown, or for nearly as long. */
function isForgotten({ restsSinceMs }: TrueSocket, { nowMs, lingerMs }: EndParts): boolean {
  return restsSinceMs !== null && restsSinceMs < nowMs - lingerMs / 2;
}

/** Whoever looks has had the time to see that it is over, and to tell. */
function isLongAgo({ goneMs }: TrueSocket, { nowMs, intervalMs }: EndParts): boolean {
  return goneMs !== null && goneMs < nowMs - 5 * intervalMs;
}

/** I2, I6: who holds what is open. */
export function demandOwners(shown: ShownEnds, { world, truths }: EndParts): void {
  for (const [truth, ends] of shown.named) {
    const host = world.hosts[truth.identity.host]!;
    const [, before] = truths[host.index]!.looks;
    const seen = before?.shown.get(truth)?.owners ?? [];
    const pids = truth.row.owners.map(({ process }) => process.pid);
    // Handed on since then, it need not be known yet.
    if (!truth.isThere || seen.length === 0 || seen !== truth.row.owners) continue;
    for (const { socket } of ends) {
      const told = socket.owners.map(({ process }) => process.pid);
      const isSame = JSON.stringify(told) === JSON.stringify(pids);
      demand(
        isSame,
        'I2',
        () =>
          `${host.name}: ${lineOf(truth.row)} is held by ${pids.join()}, and said to be by ${told.join()}`,
      );
    }
  }
}

/**
 * I11. What stands behind a gateway that nobody reports is inferred, which is said. Which of several that had a tuple after each other
 * met whom is told by clocks alone, so nothing is asked for where they were not known.
 */
export function demandJoined(shown: ShownEnds, parts: EndParts): void {
  if (!parts.areClocksKnown) return;
  // What began within so long of each other, scans alone do not tell apart.
  const untoldMs = 3 * parts.intervalMs + 5000;
  for (const [truth, ends] of shown.named) {
    for (const { connection } of ends) {
      if (connection.joinedBy === 'inferred') continue;
      for (const { socket } of [connection.client, connection.server]) {
        const other = socket === null ? null : namedSocket(parts.world, socket);
        if (other === null || other.identity.conversation === null) continue;
        if (Math.abs(other.identity.bornMs - truth.identity.bornMs) < untoldMs) continue;
        const number = other.identity.conversation;
        const line = (): string => `${lineOf(truth.row)} is joined with ${lineOf(other.row)} of another one`;
        demand(number === truth.identity.conversation, 'I11', line);
      }
    }
  }
}

/** I13. */
export function demandProbe(shown: ShownEnds, { probe }: EndParts): void {
  if (probe === null || probe.client === null || probe.server === null) return;
  const line = `the probe ${lineOf(probe.client.row)}`;
  const [client, server] = [shown.of(probe.client), shown.of(probe.server)];
  demand(client.length > 0 && server.length > 0, 'I13', () => `${line} is not shown after 5 s`);
  const isOne = client.some(({ connection }) => server.some((end) => end.connection.id === connection.id));
  demand(isOne, 'I13', () => `${line} is shown as two: ${linesOfAll([...client, ...server])}`);
}

/** I6: the agent's table, what it told and what is shown are one. */
export function demandInStep({ agents, running, delivery }: EndParts): void {
  const hosts = new Map<number, ReportingHost>();
  for (const host of running.view.hosts()) hosts.set(hostIndex(host), host);
  for (const { host, pipeline } of agents) {
    const known = hosts.get(host.index);
    demand(
      known?.state === 'live',
      'I6',
      () => `${host.name} is ${known?.state ?? 'unknown'} after a minute without faults`,
    );
    const replica = delivery.replica(host.index);
    const [told, live] = [replica.copy?.size ?? 0, pipeline!.slots.liveCount];
    demand(told === live, 'I6', () => `${host.name} has ${live} sockets, and ${told} were told`);
    const watched = pipeline!.watch.size;
    demand(watched === live, 'I6', () => `${host.name} watches ${watched} sockets and has ${live} to tell`);
    demand(
      pipeline!.slots.closedCount === 0,
      'I6',
      () => `${host.name} waits for ${pipeline!.slots.closedCount} closes`,
    );
  }
}

/** Each edge has as many open connections as are shown of it. */
export function demandEdges({ running: { view } }: EndParts): void {
  const open = new Map<string, number>();
  for (const { client, server, protocol, closedAtMs, unseenBecause } of view.connections()) {
    if (closedAtMs !== null || unseenBecause === 'not-yet') continue;
    const key = `${client.label} > ${server.label}:${server.endpoint.port}/${protocol}`;
    open.set(key, (open.get(key) ?? 0) + 1);
  }
  for (const edge of view.edges()) {
    const key = `${edge.client} > ${edge.server}:${edge.port}/${edge.protocol}`;
    const count = open.get(key) ?? 0;
    demand(edge.open === count, 'I11', () => `edge ${key} has ${edge.open} open, and ${count} are shown`);
    demand(edge.total >= edge.open, 'I11', () => `edge ${key} has ${edge.open} open of ${edge.total}`);
  }
}

function linesOfAll(ends: readonly ShownEnd[]): string {
  return ends.map(linesOf).join();
}

/** An end as it is shown, with its connection. */
function linesOf({ socket, connection }: ShownEnd): string {
  const { openedAtMs, closedAtMs, id } = socket;
  const times = `${openedAtMs - beginUnixMs} to ${closedAtMs === null ? 'now' : closedAtMs - beginUnixMs}`;
  return `\n  ${id} ${lineOf(socket)} from ${times} in ${connection.id} (${connection.seen}, ${connection.state})`;
}

function keyOf(host: number, { protocol, local, remote }: OwnedSocket | ReportedSocket): string {
  return `${host} ${protocol} ${local.ip}:${local.port} ${remote.ip}:${remote.port}`;
}

function add<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

function hostName({ world }: EndParts, { identity }: TrueSocket): string {
  return world.hosts[identity.host]!.name;
}
