/**
 * Random fleets: hosts in realms with habits of their own, and conversations between them. Everything is drawn at once,
 * so that fast-check can shrink a fleet to the few hosts and conversations that matter.
 */
import fc from 'fast-check';
import type { Protocol } from '../../../model/socket-state.ts';
import { type ConversationKind, conversationKinds, gatewayKinds } from './ways.ts';

/** What happens to the agent of a host, once. */
export type Fault =
  | { readonly kind: 'none' }
  /** Its process is gone for a while and begins anew, with another epoch. */
  | { readonly kind: 'restart'; readonly fromMs: number; readonly forMs: number }
  /** Its stream breaks and what is under way is lost; it comes back. */
  | { readonly kind: 'broken'; readonly fromMs: number; readonly forMs: number }
  /** So long that the aggregator gives the host up. */
  | { readonly kind: 'lost'; readonly fromMs: number; readonly forMs: number }
  /** One message with rows goes missing. */
  | { readonly kind: 'resync'; readonly message: number };

export interface HostPlan {
  readonly realm: number;
  /** Its clock is ahead of the true time by so much. */
  readonly clockMs: number;
  readonly phaseMs: number;
  /** Delay of its n-th message; 20 ms where the list has ended. Messages keep their order. */
  readonly delaysMs: readonly number[];
  readonly fault: Fault;
  /** When conntrack is asked about a socket: as it opens, with the next scan, or never. */
  readonly lookUp: 'at-once' | 'later' | 'never';
}

/** One generation of a conversation's four-tuple. */
export interface Use {
  /** After the generation before it died, or after the fleet began. */
  readonly gapMs: number;
  readonly lifeMs: number;
  /** How long the server's socket waits for accept, without an inode. */
  readonly queuedMs: number;
  /** The client closes first and keeps it in TIME_WAIT, until the tuple is used anew. */
  readonly leavesTimeWait: boolean;
}

export interface TalkPlan {
  readonly kind: ConversationKind;
  /** Hosts by number, modulo how many there are to choose from. */
  readonly client: number;
  readonly step: number;
  readonly port: number;
  readonly protocol: Protocol;
  /** The server's kernel shows IPv4 in a tcp6 socket. */
  readonly isMapped: boolean;
  /** Processes that hold the server's socket. */
  readonly owners: number;
  readonly uses: readonly Use[];
}

/** What else happens at the same times, with the same ports: chance alone would seldom have it so. */
export type Echo =
  | 'none'
  /** Of conversations between hosts, from another network with equal addresses that a third host is in. */
  | 'twin'
  /** Of the first conversations, on every other host. */
  | 'every-host';

export interface FleetPlan {
  readonly echo: Echo;
  readonly hosts: readonly HostPlan[];
  readonly talks: readonly TalkPlan[];
}

/** Conversations begin within so much after the agents are there, generations after the first aside. */
const firstBirthMaxMs = 20_000;

const short = fc.integer({ min: 0, max: 3_000 });
const long = fc.integer({ min: 3_000, max: firstBirthMaxMs });
const spell = {
  fromMs: fc.integer({ min: 8_000, max: 40_000 }),
  forMs: fc.integer({ min: 500, max: 20_000 }),
};

const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('none' as const) }) },
  fc.record({ kind: fc.constant('restart' as const), ...spell }),
  fc.record({ kind: fc.constant('broken' as const), ...spell }),
  fc.record({
    kind: fc.constant('lost' as const),
    fromMs: spell.fromMs,
    forMs: fc.constantFrom(310_000, 330_000),
  }),
  fc.record({ kind: fc.constant('resync' as const), message: fc.integer({ min: 2, max: 6 }) }),
);

const host: fc.Arbitrary<HostPlan> = fc.record({
  realm: fc.constantFrom(0, 0, 0, 1),
  clockMs: fc.constantFrom(0, 0, 150, -400, 1_900, -90_000, 3_600_000),
  phaseMs: fc.nat(999),
  delaysMs: fc.array(fc.constantFrom(0, 50, 50, 800, 5_000, 20_000), { maxLength: 20 }),
  fault,
  lookUp: fc.constantFrom('at-once', 'later', 'later', 'never'),
});

const talk: fc.Arbitrary<TalkPlan> = fc.record({
  kind: fc.constantFrom('hosts', 'hosts', ...conversationKinds, ...gatewayKinds),
  client: fc.nat(4),
  step: fc.nat(3),
  port: fc.constantFrom(40_000, 40_001, 40_002),
  protocol: fc.constantFrom<Protocol>('tcp', 'tcp', 'tcp', 'udp'),
  isMapped: fc.boolean(),
  owners: fc.constantFrom(1, 1, 2, 3),
  uses: fc.array(
    fc.record({
      gapMs: fc.oneof(short, long),
      lifeMs: fc.oneof(fc.integer({ min: 100, max: 3_000 }), long, long),
      queuedMs: fc.constantFrom(0, 0, 0, 700, 2_500),
      leavesTimeWait: fc.boolean(),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});

export const fleetPlan: fc.Arbitrary<FleetPlan> = fc.record({
  echo: fc.constantFrom<Echo>('none', 'none', 'none', 'none', 'twin', 'every-host'),
  hosts: fc.array(host, { minLength: 2, maxLength: 5 }),
  talks: fc.array(talk, { minLength: 1, maxLength: 9 }),
});
