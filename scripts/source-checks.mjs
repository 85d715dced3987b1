/** What sources are checked for: Biome (format, lint), TypeScript (types), oxlint (rules that need types). */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root, runQuietly } from './step.mjs';

const checks = [
  { name: 'biome', command: 'biome', args: ['check', '--error-on-warnings', '.'] },
  { name: 'tsc', command: 'tsc', args: ['--noEmit', '-p', 'tsconfig.json'] },
  {
    name: 'tsc web',
    command: 'tsc',
    args: ['--noEmit', '-p', 'web/tsconfig.json'],
    needs: 'web/tsconfig.json',
  },
  { name: 'oxlint', command: 'oxlint', args: ['--type-aware', '--deny-warnings', '.'] },
];

/**
 * Runs all checks and prints one line for each, after the words of those that fail.
 * @returns {Promise<boolean>} whether all passed
 */
export async function checkSources() {
  const begun = performance.now();
  const wanted = checks.filter(({ needs }) => needs === undefined || existsSync(join(root, needs)));
  const results = await Promise.all(
    wanted.map(async ({ name, command, args }) => ({
      name,
      ...(await runQuietly(join(root, 'node_modules/.bin', command), args)),
    })),
  );
  const failed = results.filter(({ code }) => code !== 0);
  for (const { name, output } of failed) console.error(`--- ${name}\n${output.trimEnd()}`);
  const verdicts = results.map(({ name, code }) => `${name} ${code === 0 ? 'ok' : 'FAILED'}`);
  console.error(`check: ${verdicts.join(', ')} in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  return failed.length === 0;
}
