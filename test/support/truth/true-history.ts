/** What a planned fleet truly does: each conversation with its ends and times, and what the kernels show at a moment. */
import { parseEndpoint } from '../../../model/endpoint.ts';
import { isIpv6 } from '../../../model/ip.ts';
import type { Owner } from '../../../model/process.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import type { Protocol, SocketState } from '../../../model/socket-state.ts';
import { hostNetns, processNamed } from '../reported-fleet.ts';
import type { FleetPlan, TalkPlan, Use } from './fleet-plan.ts';
import {
  apiNetns,
  type ConversationKind,
  podNetns,
  type Site,
  type TrueEnd,
  type TrueFlow,
  type TrueWay,
  wayOf,
} from './ways.ts';

/** When the first conversations may begin: every agent has looked at least twice, and its clock is known. */
export const agentsReadyMs = 6_000;
const timeWaitMs = 60_000;
/** How long conntrack remembers a conversation that is over: longer than any socket of it is there. */
const flowTimeoutMs = { tcp: 120_000, udp: 30_000 } as const;
/** Pids of the ends: of the n-th conversation's client, and one more for its server. */
const firstPid = 10_000;
/** Further owners of one socket have pids so much higher. */
const workerPids = 100_000;

/** One conversation, in milliseconds from the start of the history. */
export interface Truth extends TrueWay {
  readonly number: number;
  readonly kind: ConversationKind;
  readonly realm: number;
  readonly protocol: Protocol;
  readonly isMapped: boolean;
  readonly owners: number;
  readonly bornMs: number;
  readonly diedMs: number;
  readonly queuedMs: number;
  readonly timeWaitUntilMs: number;
}

export type EndName = 'client' | 'server';
export const endNames: readonly EndName[] = ['client', 'server'];

export interface History {
  readonly plan: FleetPlan;
  readonly sites: readonly Site[];
  readonly truths: readonly Truth[];
  /** By then everything is closed, and TIME_WAIT is over. */
  readonly endMs: number;
}

/** What listens on every host. */
const listening = [
  [hostNetns, 80],
  [apiNetns, 80],
  [apiNetns, 9007],
  [podNetns, 8443],
] as const;

export interface TrueEndName {
  readonly truth: Truth;
  readonly name: EndName;
}

/** Which conversation, and which end of it, a process of that pid is. */
export function endOfPid({ truths }: History, pid: number): TrueEndName | null {
  const truth = truths[Math.floor((pid - firstPid) / 2)];
  return truth === undefined ? null : { truth, name: pid % 2 === 0 ? 'client' : 'server' };
}

export function historyOf(plan: FleetPlan): History {
  const sites = sitesOf(plan);
  const used = new Set<string>();
  const truths: Omit<Truth, 'number'>[] = [];
  for (const talk of talksOf(plan)) {
    const each = truthsOf(talk, plan, sites);
    const names = new Set(each.flatMap(tuplesOf));
    // A kernel has a tuple once at a time, and so has a gateway.
    if ([...names].some((name) => used.has(name))) continue;
    for (const name of names) used.add(name);
    truths.push(...each);
  }
  const numbered = truths.map((truth, number) => ({ ...truth, number }));
  const faultEnds = plan.hosts.map(({ fault }) => ('forMs' in fault ? fault.fromMs + fault.forMs : 0));
  const lastMs = Math.max(
    ...numbered.map(({ timeWaitUntilMs }) => timeWaitUntilMs),
    ...faultEnds,
    agentsReadyMs,
  );
  return { plan, sites, truths: numbered, endMs: lastMs + 30_000 };
}

/** Conversations on every host are those of the first talks. */
const echoedTalks = 2;

/** With their echoes; those that no host can have fall away later. */
function talksOf({ echo, hosts, talks }: FleetPlan): TalkPlan[] {
  if (echo === 'none') return [...talks];
  if (echo === 'twin') {
    return talks.flatMap((talk): TalkPlan[] =>
      talk.kind === 'hosts' ? [talk, { ...talk, kind: 'twin-client' }] : [talk],
    );
  }
  const everywhere = talks
    .slice(0, echoedTalks)
    .flatMap((talk) => hosts.map((_, n) => ({ ...talk, client: talk.client + n })));
  return [...everywhere, ...talks.slice(echoedTalks)];
}

/** Hosts of each realm have the same addresses as those of the other. */
function sitesOf({ hosts }: FleetPlan): Site[] {
  return hosts.map(({ realm }, number) => {
    const n = hosts.slice(0, number).filter((other) => other.realm === realm).length + 1;
    return { number, ip: `10.0.0.${n}`, ipv6: `fd00::${n}`, podIp: `10.244.${n}.2` };
  });
}

function tuplesOf({ client, server, protocol }: TrueWay & { readonly protocol: Protocol }): string[] {
  return [client, server].flatMap((end) =>
    end === null ? [] : [`${end.host} ${end.netns} ${protocol} ${end.local}>${end.remote}`],
  );
}

function truthsOf(talk: TalkPlan, plan: FleetPlan, sites: readonly Site[]): Omit<Truth, 'number'>[] {
  const client = sites[talk.client % sites.length]!;
  const realm = plan.hosts[client.number]!.realm;
  const others = sites.filter((site) => site !== client && plan.hosts[site.number]!.realm === realm);
  const server = others[talk.step % Math.max(1, others.length)];
  const third = others[(talk.step + 1) % Math.max(1, others.length)];
  if (server === undefined || third === undefined) return [];
  if (talk.kind === 'node-port' && third === server) return [];
  const protocol = hasUdp(talk.kind) ? talk.protocol : 'tcp';
  // The twin of a client is on a third host, which is in another network too.
  const isTwin = talk.kind === 'twin-client' && third !== server;
  const [dialer, bystander] = isTwin ? [third, client] : [client, third];
  const dialing = { kind: talk.kind, client: dialer, server, third: bystander, port: talk.port };
  const truths: Omit<Truth, 'number'>[] = [];
  let freeMs = agentsReadyMs;
  for (const [n, use] of talk.uses.entries()) {
    const bornMs = freeMs + use.gapMs;
    const diedMs = bornMs + use.lifeMs;
    const way = wayOf(dialing, n);
    truths.push({
      ...way,
      kind: talk.kind,
      realm,
      protocol,
      isMapped: talk.isMapped,
      owners: talk.owners,
      bornMs,
      diedMs,
      queuedMs: use.queuedMs,
      timeWaitUntilMs: timeWaitEnd(talk, protocol, use, n, diedMs),
    });
    freeMs = diedMs;
  }
  return truths;
}

/** A gateway is only told by two sockets with peers, which UDP servers need not have. */
function hasUdp(kind: ConversationKind): boolean {
  return !kind.startsWith('gateway') && kind !== 'self';
}

function timeWaitEnd(talk: TalkPlan, protocol: Protocol, use: Use, n: number, diedMs: number): number {
  if (protocol === 'udp' || !use.leavesTimeWait || talk.kind === 'self') return diedMs;
  const next = talk.uses[n + 1];
  return Math.min(diedMs + timeWaitMs, next === undefined ? Number.POSITIVE_INFINITY : diedMs + next.gapMs);
}

/** When something changes in what the kernels of one host show. */
export function changesOf({ truths }: History, host: number): number[] {
  return truths.flatMap((truth) => {
    const { client, server, flow, bornMs, diedMs, queuedMs, timeWaitUntilMs, protocol } = truth;
    const passes = flow?.host === host ? [bornMs, diedMs + flowTimeoutMs[protocol]] : [];
    if (client?.host !== host && server?.host !== host) return passes;
    return [...passes, bornMs, bornMs + queuedMs, diedMs, timeWaitUntilMs];
  });
}

/** What the kernels of one host show at one moment. */
export function rowsAt({ truths }: History, host: number, atMs: number): OwnedSocket[] {
  const rows = listening.map(([netns, port]) => listenerRow(netns, port));
  for (const truth of truths) {
    for (const name of endNames) {
      const end = truth[name];
      if (end?.host !== host) continue;
      const state = stateAt(truth, name, atMs);
      if (state !== null) rows.push(endRow(truth, name, end, state, atMs));
    }
  }
  return rows;
}

/** The conversations that a host passes on at one moment. */
export function flowsAt({ truths }: History, host: number, atMs: number): (Truth & { flow: TrueFlow })[] {
  return truths.filter(
    (truth): truth is Truth & { flow: TrueFlow } =>
      truth.flow?.host === host &&
      truth.bornMs <= atMs &&
      atMs < truth.diedMs + flowTimeoutMs[truth.protocol],
  );
}

function stateAt(truth: Truth, name: EndName, atMs: number): SocketState | null {
  if (atMs < truth.bornMs) return null;
  if (atMs < truth.diedMs) return 'established';
  return name === 'client' && atMs < truth.timeWaitUntilMs ? 'time-wait' : null;
}

function endRow(truth: Truth, name: EndName, end: TrueEnd, state: SocketState, atMs: number): OwnedSocket {
  const isQueued = name === 'server' && truth.protocol === 'tcp' && atMs < truth.bornMs + truth.queuedMs;
  const hasInode = !isQueued && state === 'established';
  const isMapped = truth.isMapped && name === 'server';
  const pid = firstPid + 2 * truth.number + Number(name === 'server');
  return {
    protocol: truth.protocol,
    state,
    local: endpointOf(end.local, isMapped),
    remote: endpointOf(end.remote, isMapped),
    inode: hasInode ? pid : 0,
    uid: 0,
    netns: end.netns,
    owners: hasInode ? ownersOf(name, pid, name === 'server' ? truth.owners : 1) : [],
  };
}

function ownersOf(name: EndName, pid: number, count: number): Owner[] {
  return Array.from({ length: count }, (_, n) => ({
    process: processNamed(name === 'client' ? 'caller' : 'server', pid + n * workerPids),
    fds: [7],
  }));
}

/** @param isMapped as a tcp6 socket shows IPv4, for the wire to fold */
function endpointOf(text: string, isMapped: boolean): OwnedSocket['local'] {
  const endpoint = parseEndpoint(text)!;
  return isMapped && !isIpv6(endpoint.ip) ? { ...endpoint, ip: `::ffff:${endpoint.ip}` } : endpoint;
}

function listenerRow(netns: number, port: number): OwnedSocket {
  return {
    protocol: 'tcp',
    state: 'listen',
    local: { ip: '0.0.0.0', port },
    remote: { ip: '0.0.0.0', port: 0 },
    inode: 900_000 + port + (netns % 10),
    uid: 0,
    netns,
    owners: [{ process: processNamed('server', 100 + (netns % 10)), fds: [3] }],
  };
}
