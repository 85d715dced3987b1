/** A core that is parted among shards holds what one core holds, and what the plain one does, after every history. */
import { afterEach, expect, test } from 'vitest';
import { linkInline, linkWorker, type ShardLink } from '../../../aggregator/shards/shard-link.ts';
import type { ShardOptions } from '../../../aggregator/shards/shard-messages.ts';
import { fc } from '../../support/random-cases.ts';
import { agents, History, type Step, steps } from '../core/core-history.ts';
import { ShardedPair } from './sharded-pair.ts';

/** None of them is interned. */
const addresses = [7, 20, 0x0a000001, -0x3f57fffe, 0x7fffffff, -0x20000000];

/** To withdraw an agent is no matter of shards yet. */
const tellable = steps.map((all) => all.filter((step) => step.kind !== 'withdraw'));

const links: ShardLink[] = [];
const failures: string[] = [];

function linkThread(options: ShardOptions): ShardLink {
  const program = new URL('../../../dist/aggregator/shards/shard-worker.js', import.meta.url);
  const link = linkWorker(options, ({ message }) => void failures.push(message), program);
  links.push(link);
  return link;
}

afterEach(async () => {
  await Promise.all(links.splice(0).map((link) => link.close()));
});

async function tell(pair: ShardedPair, told: readonly Step[]): Promise<void> {
  const history = new History(pair, addresses);
  for (const each of told) history.tell(each);
  const [sharded, inline, plain] = await pair.compared();
  expect(sharded).toEqual(inline);
  expect(sharded).toEqual(plain);
}

test('in one thread', async () => {
  let [told, left, badSlots] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(tellable, fc.integer({ min: 1, max: 5 }), async (history, shards) => {
      const pair = new ShardedPair(agents, shards, linkInline);
      await tell(pair, history);
      told += pair.told.length;
      left += pair.leftShards;
      badSlots += pair.sharded.badSlots;
    }),
    { numRuns: Number(process.env['RUNS'] ?? 150) },
  );
  expect([told > 1_000, left > 100, badSlots > 100]).toEqual([true, true, true]);
});

test('in threads of their own', async () => {
  await fc.assert(
    fc.asyncProperty(tellable, async (history) => {
      const pair = new ShardedPair(agents, 2, linkThread);
      await tell(pair, history);
      await pair.sharded.end();
    }),
    { numRuns: 4 },
  );
  expect(failures).toEqual([]);
});
