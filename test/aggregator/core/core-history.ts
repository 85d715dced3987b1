/**
 * Random histories that the core and the plain one are told alike: reuse, rivals, slots that lie, resyncs, numbers of any
 * size. What they disagree about is thrown as an error that says where.
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { CorePair, slotsMax } from './core-pair.ts';
import type { PlainHalf } from './plain-core.ts';

export const agents = 2;
const limits = { rowsMax: 4096, graceTicks: 300, lingerTicks: 1000, lingerMax: 6 };

/** Few, so that histories meet; on both sides of the sign, one of the block in which IPv6 ids are, one interned. */
const addresses = [7, 20, 0x0a000001, -0x3f57fffe, -0x0f000001, 'v6'] as const;
const ports = [443, 53, 40000, 65535];

const slot = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 6 }) },
  { weight: 1, arbitrary: fc.constantFrom(-1, slotsMax, slotsMax - 1, 0x7fffffff, 0xffffffff | 0) },
);
const half = fc.record({
  slot,
  local: fc.integer({ min: 0, max: addresses.length - 1 }),
  remote: fc.integer({ min: 0, max: addresses.length - 1 }),
  localPort: fc.constantFrom(...ports),
  remotePort: fc.constantFrom(...ports),
  place: fc.constantFrom(2, 2, 2, 3, 4),
  holder: fc.integer({ min: 0, max: 5 }),
  age: fc.constantFrom(0, 1, 150, 198, 199, 202, 203, 900),
  unseen: fc.constantFrom(0, 1, 100, 500, null),
  evidence: fc.integer({ min: 0, max: 0x1ff }),
});
type DrawnHalf = typeof half extends fc.Arbitrary<infer H> ? H : never;

const agent = fc.integer({ min: 0, max: agents - 1 });
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('open' as const),
      agent,
      halves: fc.array(half, { maxLength: 3 }),
    }),
  },
  // The other end of what was opened before, as a fleet tells it, and the same half once more, which is a reuse or a rival.
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('again' as const),
      agent,
      of: fc.nat(6),
      slot: fc.integer({ min: 0, max: 6 }),
      isMirrored: fc.boolean(),
      // Of its birth; null = just now.
      later: fc.constantFrom(0, 1, 197, 198, 199, 202, 203, 204, null),
      unseen: fc.constantFrom(0, 50, 197, 199, 202, 203),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('close' as const),
      agent,
      slot,
      ago: fc.constantFrom(0, 5, 400),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('learn' as const), agent, slot, evidence: fc.nat(0x1ff) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('count' as const),
      agent,
      slot,
      sent: fc.maxSafeNat(),
      received: fc.maxSafeNat(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), agent }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ticks: fc.constantFrom(1, 1, 210, 290, 1100),
    }),
  },
);
export type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Sums of counters stay exact. */
const bytesMax = 2 ** 40;

export const steps = fc.array(step, { maxLength: 60, size: 'max' });

export class History {
  readonly pair: CorePair;
  readonly #told: PlainHalf[] = [];
  readonly #addresses: readonly number[];
  #tick = 0;

  /** @param drawn in place of the usual addresses, as many */
  constructor(pair = new CorePair(agents, limits), drawn: readonly (number | 'v6')[] = addresses) {
    this.pair = pair;
    const { addresses: interned } = pair;
    this.#addresses = drawn.map((address) =>
      address === 'v6' ? interned.retain(0x20010db8, 0, 0, 1) : interned.retainV4(address),
    );
  }

  tell(each: Step): void {
    const { pair } = this;
    if (each.kind === 'open')
      this.#open(
        each.agent,
        each.halves.map((drawn) => this.#halfOf(each.agent, drawn)),
      );
    else if (each.kind === 'again') this.#again(each);
    else if (each.kind === 'close') same(pair.close(each.agent, each.slot, this.#tick - each.ago));
    else if (each.kind === 'learn') same(pair.learn(each.agent, each.slot, each.evidence, this.#tick));
    else if (each.kind === 'count')
      same(pair.count(each.agent, each.slot, each.sent % bytesMax, each.received % bytesMax));
    else if (each.kind === 'withdraw') pair.withdraw(each.agent);
    else {
      this.#tick += each.ticks;
      pair.sweep(this.#tick);
    }
  }

  #open(by: number, halves: readonly PlainHalf[]): void {
    same(this.pair.open(by, halves, this.#tick));
    this.#told.push(...halves);
  }

  #halfOf(by: number, drawn: DrawnHalf): PlainHalf {
    const { age, unseen, local, remote, evidence, ...rest } = drawn;
    const opened = this.#tick - age;
    return {
      ...rest,
      agent: by,
      local: this.#addresses[local]!,
      remote: this.#addresses[remote]!,
      opened,
      bornAfter: unseen === null ? -0x80000000 : opened - unseen,
      evidence: evidence & 0x1f4,
    };
  }

  #again(each: Extract<Step, { kind: 'again' }>): void {
    const of = this.#told.at(-1 - (each.of % Math.max(1, this.#told.length)));
    if (of === undefined) return;
    const opened = each.later === null ? this.#tick : of.opened + each.later;
    const bornAfter = opened - each.unseen;
    const again = { ...of, opened, bornAfter, agent: each.agent, slot: each.slot };
    const { local: remote, remote: local, localPort: remotePort, remotePort: localPort } = of;
    const mirrored = { ...again, local, remote, localPort, remotePort, holder: (of.holder + 1) % 6 };
    this.#open(each.agent, [each.isMirrored ? mirrored : again]);
  }
}

/** Tells both a history, and holds against each other what they hold after each step. @throws Error at the first difference */
export function tellBoth(told: readonly Step[]): void {
  const history = new History();
  const { pair } = history;
  for (const each of told) {
    history.tell(each);
    same(pair.connections());
    same(pair.edges());
    same([pair.left.length, pair.plain.left.length]);
    same([pair.core.rows.index.size, pair.plain.filed.size]);
  }
}

function same<T>([core, plain]: readonly [T, T]): void {
  if (isDeepStrictEqual(core, plain)) return;
  throw new Error(`the core has ${JSON.stringify(core)}, the plain one ${JSON.stringify(plain)}`);
}
