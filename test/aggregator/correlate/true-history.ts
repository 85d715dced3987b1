/** Histories of which the truth is known: conversations between three hosts, and what their kernels would show of them. */
import fc from 'fast-check';
import { parseEndpoint } from '../../../model/endpoint.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import type { Protocol, SocketState } from '../../../model/socket-state.ts';
import { hostNetns, processNamed } from '../../support/reported-fleet.ts';
import type { TrueEnd, TrueFlow } from '../../support/truth/ways.ts';
import { conversationKinds, hostCount, innerNamespaces, wayOf } from './true-ends.ts';

export const scanIntervalMs = 1_000;
/** What a host's clock is wrong by at most after its offset was taken off. */
export const skewMaxMs = 500;
const timeWaitMs = 60_000;
const lastBirthMs = 120_000;
/** By now everything is closed, and TIME_WAIT is over. */
export const endMs = lastBirthMs + 30_000 + timeWaitMs + 10_000;
/** How long conntrack remembers a conversation that is over: longer than any socket of it is there. */
const flowTimeoutMs = { tcp: 120_000, udp: 30_000 } as const;

/** One conversation, in milliseconds from the start of the history. */
export interface Truth {
  readonly number: number;
  readonly protocol: Protocol;
  readonly ends: readonly [client: TrueEnd, server: TrueEnd];
  /** The host that passes it on, if one does. */
  readonly flow: TrueFlow | null;
  readonly bornMs: number;
  readonly diedMs: number;
  /** How long the server's socket waits for accept, without an inode. */
  readonly queuedMs: number;
  /** Its client closed first and keeps it in TIME_WAIT, until the tuple is used anew. */
  readonly timeWaitUntilMs: number;
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
  /** When conntrack is asked about a socket: as it opens, after the next scan, or never. */
  readonly lookUp: 'at-once' | 'later' | 'never';
  /** Further listeners on the server's port, as SO_REUSEPORT has them. */
  readonly listeners: readonly { readonly fromMs: number; readonly forMs: number }[];
}

const pair = fc.record({
  kind: fc.constantFrom('hosts', 'hosts', ...conversationKinds),
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
  lookUp: fc.constantFrom('at-once', 'later', 'later', 'never'),
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
      // One use of a client's tuple at a time, and of the port that it is translated to.
      selector: (dialing) => {
        const [client] = wayOf(dialing, 0).ends;
        return `${client.host} ${client.netns} ${client.local} ${client.remote} ${dialing.protocol}`;
      },
    })
    .map((pairs) => pairs.flatMap(truthsOf).map((truth, number) => ({ ...truth, number }))),
  hosts: fc.tuple(habits, habits, habits),
});

function truthsOf(used: Pair): Omit<Truth, 'number'>[] {
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
    const { protocol } = used;
    truths.push({ protocol, ...wayOf(used, n), bornMs, diedMs, queuedMs: use.queuedMs, timeWaitUntilMs });
    freeMs = diedMs;
  }
  return truths;
}

/** What the kernels of one host show at one moment: sockets, and whose they are. */
export function* rowsAt(
  { truths, hosts }: History,
  host: number,
  atMs: number,
): Iterable<[OwnedSocket, Truth | null]> {
  for (const netns of [hostNetns, ...innerNamespaces])
    yield [listenerRow(netns, 900_000 + (netns % 1000)), null];
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

/** The conversations that a host passes on at one moment. */
export function flowsAt({ truths }: History, host: number, atMs: number): Truth[] {
  return truths.filter(
    ({ flow, protocol, bornMs, diedMs }) =>
      flow?.host === host && bornMs <= atMs && atMs < diedMs + flowTimeoutMs[protocol],
  );
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
