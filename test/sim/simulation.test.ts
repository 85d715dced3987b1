/** The short form of `npm run sim`: seeds, each in simulated time, in a process of their own. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { repository } from '../support/source-tree.ts';

const run = promisify(execFile);

/** Far more than it takes beside all other tests. */
const longestMs = 900_000;

/** Seeds that have found a fault once, and what it was. */
const keptSeeds: readonly (readonly [seed: number, found: string])[] = [
  [610, 'closes that were told in the last moment were not waited for'],
];

/** @returns what it prints; rejects with that when it fails */
async function simulate(into: string, ...args: readonly string[]): Promise<string> {
  const all = ['scripts/sim.mjs', '--into', `test-${into}`, ...args];
  const { stdout } = await run(process.execPath, all, { cwd: repository, maxBuffer: 1 << 26 });
  return stdout;
}

describe('the simulation', () => {
  test('2,000 seeds keep all promises', { timeout: longestMs }, async () => {
    expect(await simulate('seeds', '--seeds', '2000')).toMatch(/^2000 of 2000 seeds passed/);
  });

  test('the same seed is the same, event by event', { timeout: longestMs }, async () => {
    expect(await simulate('twice', '--seeds', '15', '--from', '5000', '--twice')).toMatch(
      /^15 of 15 seeds passed/,
    );
  });

  test.each(keptSeeds)('seed %i: %s', { timeout: longestMs }, async (seed) => {
    expect(await simulate(`kept-${seed}`, '--seed', String(seed))).toMatch(/1 of 1 seeds passed/);
  });

  test('a seed that fails says what, and how to see it again', { timeout: longestMs }, async () => {
    const [bug] = quicklyFound;
    const failed = await simulate('planted', '--planted', bug!, '--seeds', '1').catch(
      (error: unknown) => error,
    );
    expect(String(failed)).toBeDefined();
  });

  const quicklyFound = [
    'closed on the first missing scan',
    'stale owner',
    'half a snapshot is visible',
    'snapshot does not replace missing rows',
    'lease never expires',
  ];

  test('bugs that are planted into the sources are found', { timeout: longestMs }, async () => {
    const table = await simulate('planted', '--planted', ...quicklyFound, '--seeds', '400');
    expect(table).toMatch(/^5 of 5 planted bugs found$/m);
  });
});
