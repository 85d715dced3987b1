/** Whatever happens to the aggregator and its disk in between: once that is over, all is known, once, and no gap is declared. */
import { expect, test } from 'vitest';
import { fc } from '../../support/random-cases.ts';
import { FleetOfTwo, line, lines } from './fleet-of-two.ts';

type Step =
  | { readonly do: 'open' | 'close'; readonly count: number }
  | { readonly do: 'pass'; readonly ms: number }
  /** @param left how much of what was not synced is on the disk all the same, of 4 parts */
  | { readonly do: 'restart'; readonly left: number; readonly downMs: number }
  | { readonly do: 'fail' | 'mend' | 'hold' | 'release' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('open' as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('close' as const), count: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('pass' as const),
      ms: fc.constantFrom(100, 200, 300, 1_000, 4_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('restart' as const),
      left: fc.integer({ min: 0, max: 4 }),
      downMs: fc.constantFrom(0, 100, 5_000),
    }),
  },
  fc.record({ do: fc.constantFrom('fail' as const, 'mend' as const, 'hold' as const, 'release' as const) }),
);

class Story {
  readonly fleet: FleetOfTwo;
  readonly open: number[] = [];
  readonly closed: number[] = [];
  /** By how they are shown. */
  readonly closedAtMs = new Map<string, number>();
  #last = 0;

  constructor(fleet: FleetOfTwo) {
    this.fleet = fleet;
  }

  async take(taken: Step): Promise<void> {
    const { aggregator } = this.fleet;
    switch (taken.do) {
      case 'open':
        for (let n = 0; n < taken.count; n++) {
          this.open.push(++this.#last);
          this.fleet.open(this.#last);
        }
        return;
      case 'close':
        for (const n of this.open.splice(0, taken.count)) {
          this.closed.push(n);
          this.closedAtMs.set(line(n, 'closed'), this.fleet.aggregator.time.nowMs());
          this.fleet.close(n);
        }
        return;
      case 'pass':
        return this.fleet.pass(taken.ms);
      case 'restart':
        aggregator.kill((length) => Math.floor((length * taken.left) / 4));
        await this.fleet.pass(taken.downMs);
        return aggregator.start();
      case 'fail':
        aggregator.disk.failing = 'EIO';
        return;
      case 'mend':
        aggregator.disk.failing = null;
        return;
      case 'hold':
        aggregator.disk.hold();
        return;
      case 'release':
        aggregator.disk.release();
        return;
    }
  }
}

test('a journal with any faults', async () => {
  const limits = { segmentBytes: 4_000, stallMs: 2_000 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), async (steps) => {
      const story = new Story(await FleetOfTwo.begin(limits));
      const { fleet, open, closed } = story;
      for (const each of steps) await story.take(each);
      fleet.aggregator.disk.failing = null;
      fleet.aggregator.disk.release();
      await fleet.pass(60_000);
      const all = {
        connections: [...lines('open', ...open), ...lines('closed', ...closed)].toSorted(),
        edges:
          open.length + closed.length === 0
            ? []
            : [`shop>store ${open.length}/${open.length + closed.length}`],
      };
      expect(fleet.shown()).toEqual(all);
      expect(fleet.aggregator.closedAtMs()).toEqual(story.closedAtMs);
      expect(fleet.aggregator.gaps()).toEqual([]);
      await fleet.aggregator.restart();
      expect(fleet.shown()).toEqual(all);
    }),
    { numRuns: 25 },
  );
}, 120_000);
