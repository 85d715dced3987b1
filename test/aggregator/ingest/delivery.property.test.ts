/** What must hold between an agent's slot table and the aggregator's copy of it, whatever the link does in between. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { SocketCounters } from '../../../model/socket-counters.ts';
import type { ForwardedFlow, Translation } from '../../../model/translation.ts';
import { changed, closed, netnsInode, opened } from '../../agent/export/sockets.ts';
import { fc } from '../../support/random-cases.ts';
import { createTestAgent, type TestAgent, TestLink } from './in-memory-link.ts';

type Step =
  | { readonly do: 'open' | 'open-and-close'; readonly count: number }
  | { readonly do: 'change' | 'close' | 'count' | 'translate'; readonly pick: number }
  | { readonly do: 'forward' | 'forward-close'; readonly pick: number }
  | { readonly do: 'to-server' | 'to-agent'; readonly count: number }
  | { readonly do: 'flush' | 'break' | 'restart-aggregator' }
  | { readonly do: 'wait'; readonly ms: number };

const openSome = fc.record({
  do: fc.constantFrom('open' as const, 'open-and-close' as const),
  count: fc.integer({ min: 1, max: 5 }),
});
const touches = ['change', 'close', 'count', 'translate', 'forward', 'forward-close'] as const;
const touchOne = fc.record({ do: fc.constantFrom(...touches), pick: fc.nat(1000) });
/** Acknowledgements move less often than messages, so that many are under way when the link breaks. */
const move = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('to-server' as const), count: fc.integer({ min: 1, max: 9 }) }),
  },
  fc.record({ do: fc.constant('to-agent' as const), count: fc.integer({ min: 1, max: 9 }) }),
);
const flush = fc.record({ do: fc.constant('flush' as const) });
const wait = fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 50, max: 1500 }) });
const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: openSome },
  { weight: 4, arbitrary: touchOne },
  { weight: 6, arbitrary: move },
  { weight: 4, arbitrary: flush },
  { weight: 2, arbitrary: wait },
  fc.record({ do: fc.constant('break' as const) }),
);

/** Long ones: what goes wrong needs a history. */
const scripts = (step: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> =>
  fc.array(step, { minLength: 20, maxLength: 150, size: 'max' });

/** The agent's side of the truth. */
class World {
  readonly link: TestLink;
  readonly agent: TestAgent;
  readonly live: number[] = [];
  readonly ended = new Set<number>();
  readonly flows: number[] = [];
  /** The last of each kind that was found out, by socket. */
  readonly counted = new Map<number, SocketCounters>();
  readonly translated = new Map<number, Translation>();
  #lastId = 0;

  constructor(closedUnackedMax: number) {
    const clock = (): number => Date.now();
    this.link = new TestLink(clock);
    this.agent = createTestAgent(this.link.connect, clock, { closedUnackedMax, targetBytes: 2000 });
    this.agent.stream.start();
    this.settle();
  }

  take(step: Step): void {
    const { slots, stream } = this.agent;
    switch (step.do) {
      case 'open':
      case 'open-and-close':
        for (let n = 0; n < step.count; n++) {
          const id = ++this.#lastId;
          slots.apply(opened(id, {}, Date.now()));
          if (step.do === 'open') this.live.push(id);
          else this.#close(id);
        }
        return;
      case 'change': {
        const id = this.live[step.pick % Math.max(1, this.live.length)];
        const states = ['close-wait', 'fin-wait-1', 'established'] as const;
        if (id !== undefined) slots.apply(changed(id, { state: states[step.pick % 3]! }, Date.now()));
        return;
      }
      case 'close': {
        const [id] = this.live.splice(step.pick % Math.max(1, this.live.length), 1);
        if (id !== undefined) this.#close(id);
        return;
      }
      case 'count':
      case 'translate':
        return this.#find(step.do, this.live[step.pick % Math.max(1, this.live.length)], step.pick);
      case 'forward': {
        const id = ++this.#lastId;
        this.flows.push(id);
        slots.apply({ kind: 'forwarded', id, flow: flowOf(id), openedAtMs: Date.now() });
        return;
      }
      case 'forward-close': {
        const [id] = this.flows.splice(step.pick % Math.max(1, this.flows.length), 1);
        if (id !== undefined) slots.apply({ kind: 'forward-closed', id, closedAtMs: Date.now() });
        return;
      }
      case 'to-server':
        return this.link.deliverToServer(step.count);
      case 'to-agent':
        return this.link.deliverToAgent(step.count);
      case 'flush':
        return stream.flush();
      case 'break':
        return this.link.break();
      case 'restart-aggregator':
        return this.link.restartAggregator();
      case 'wait':
        vi.advanceTimersByTime(step.ms);
        return;
    }
  }

  #find(what: 'count' | 'translate', id: number | undefined, n: number): void {
    if (id === undefined) return;
    const { slots } = this.agent;
    if (what === 'count') {
      const counters = countersAfter(this.counted.get(id), n);
      this.counted.set(id, counters);
      slots.apply({ kind: 'counted', id, counters });
    } else {
      const stages = n % 3 === 0 ? [] : [flowOf(n).forwarded, flowOf(n).dialed].slice(n % 2);
      const translation = { role: n % 2 === 0 ? 'client' : 'server', stages } as const;
      this.translated.set(id, translation);
      slots.apply({ kind: 'translated', id, translation });
    }
  }

  #close(id: number): void {
    this.ended.add(id);
    this.agent.slots.apply(closed(id, {}, Date.now()));
  }

  /** Faults stop: lets everything arrive. */
  settle(): void {
    for (let turn = 0; turn < 200; turn++) {
      vi.advanceTimersByTime(1000);
      this.link.deliverToServer();
      this.link.deliverToAgent();
      this.agent.stream.flush();
      const { slots, stream } = this.agent;
      const isAllTold = slots.pendingCount === 0 && stream.inFlight.batches === 0;
      if (stream.state.kind === 'streaming' && isAllTold && slots.closedCount === 0) return;
    }
    expect.unreachable(`not settled: ${JSON.stringify(this.agent.stream.state)}`);
  }

  /** What the aggregator was told of the open sockets beside the scans, and of flows, is the last that was found out. */
  expectFindings(): void {
    const { ledger } = this.link.aggregator;
    for (const socket of ledger.open) {
      expect(socket.counters).toEqual(this.counted.get(idOf(socket.id)) ?? null);
      expect(socket.translation).toEqual(this.translated.get(idOf(socket.id)) ?? null);
    }
    const flows = [...ledger.flows].map(({ protocol, netns, dialed, forwarded }) => {
      return { protocol, netns, dialed, forwarded };
    });
    const byPort = (a: ForwardedFlow, b: ForwardedFlow): number => a.dialed.local.port - b.dialed.local.port;
    expect(flows.sort(byPort)).toEqual(this.flows.map(flowOf).sort(byPort));
  }

  /** Agent's ids of the sockets that the aggregator holds open. */
  get copied(): number[] {
    return [...this.link.aggregator.ledger.open].map((socket) => idOf(socket.id)).sort((a, b) => a - b);
  }
}

/** Mostly grown by less than 2^32, as connections do; else anything, also less than before. */
function countersAfter(before: SocketCounters | undefined, n: number): SocketCounters {
  if (before === undefined || n % 5 === 0) {
    return { bytesSent: n * 2 ** 40, bytesReceived: n, rttUs: n, retransmits: n % 3 };
  }
  const { bytesSent, bytesReceived, rttUs, retransmits } = before;
  const grownBy = n % 11 === 0 ? -1 : n * 2 ** 20;
  return {
    bytesSent: Math.max(0, bytesSent + grownBy),
    bytesReceived: bytesReceived + 2 ** 32 - (n % 3),
    rttUs: n % 7 === 0 ? 0 : rttUs + (n % 2),
    retransmits: n % 13 === 0 ? retransmits + 1 : retransmits,
  };
}

/** A NodePort: client → node, node → pod; one in three of them speaks IPv6. */
function flowOf(n: number): ForwardedFlow {
  const ip = (last: number): string => (n % 3 === 0 ? `fd00::${last}` : `10.0.0.${last}`);
  const end = (last: number, port: number) => ({ ip: ip(last), port });
  return {
    protocol: 'tcp',
    netns: netnsInode,
    dialed: { local: end(1, 1024 + n), remote: end(2, 30_443) },
    forwarded: { local: end(2, 2048 + n), remote: end(3, 8443) },
  };
}

const idOf = (id: string): number => Number(id.split('-')[1]);

describe('delivery', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_700_000_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('every socket is told once, opened and closed, however often the link breaks', () => {
    fc.assert(
      fc.property(scripts(steps), (script) => {
        const world = new World(1000);
        for (const step of script) world.take(step);
        world.settle();
        const { ledger, host } = world.link.aggregator;
        expect(world.copied).toEqual(world.live);
        world.expectFindings();
        const once = new Map([...world.live, ...world.ended].map((id) => [`1-${id}`, 1]));
        expect(ledger.openings).toEqual(once);
        expect(ledger.closings).toEqual(new Map([...world.ended].map((id) => [`1-${id}`, 1])));
        expect(host.gaps).toEqual([]);
        void world.agent.stream.close();
      }),
      { numRuns: 300 },
    );
  });

  test('what had to be forgotten is in a gap, and nothing else is missing', () => {
    fc.assert(
      fc.property(scripts(steps), (script) => {
        const world = new World(3);
        for (const step of script) world.take(step);
        world.settle();
        const { ledger, host } = world.link.aggregator;
        expect(world.copied).toEqual(world.live);
        world.expectFindings();
        for (const count of [...ledger.openings.values(), ...ledger.closings.values()]) expect(count).toBe(1);
        const missing = [...world.ended].filter((id) => !ledger.openings.has(`1-${id}`));
        const declared = host.gaps.reduce((sum, gap) => sum + gap.lostEvents, 0);
        expect(declared).toBe(world.agent.gaps.lostEvents);
        expect(missing.length).toBeLessThanOrEqual(declared);
        void world.agent.stream.close();
      }),
      { numRuns: 300 },
    );
  });

  test('an aggregator that starts anew has all that is open', () => {
    const restarts = fc.oneof(steps, fc.record({ do: fc.constant('restart-aggregator' as const) }));
    fc.assert(
      fc.property(scripts(restarts), (script) => {
        const world = new World(1000);
        for (const step of script) world.take(step);
        world.settle();
        expect(world.copied).toEqual(world.live);
        world.expectFindings();
        for (const count of world.link.aggregator.ledger.openings.values()) expect(count).toBe(1);
        void world.agent.stream.close();
      }),
      { numRuns: 200 },
    );
  });
});
