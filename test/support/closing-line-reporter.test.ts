/** The closing line, counted and in a real run. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type CountedModule, countRun, formatClosingLine } from './closing-line-reporter.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));

function moduleOf(state: string, ...tests: string[]): CountedModule {
  return {
    state: () => state,
    children: { allTests: () => tests.map((each) => ({ result: () => ({ state: each }) })) },
  };
}

test.each([
  ['nothing ran', [], 0, '0 passed, 0 failed, 0 skipped'],
  [
    'one of each',
    [moduleOf('failed', 'passed', 'failed', 'skipped', 'pending')],
    0,
    '1 passed, 1 failed, 2 skipped',
  ],
  [
    'a file that does not load',
    [moduleOf('failed'), moduleOf('passed', 'passed')],
    0,
    '1 passed, 1 failed, 0 skipped',
  ],
  ['a hook that fails', [moduleOf('failed', 'passed')], 0, '1 passed, 1 failed, 0 skipped'],
  ['an error outside any test', [moduleOf('passed', 'passed')], 1, '1 passed, 1 failed, 0 skipped'],
])('%s', (_name, modules, unhandledErrors, line) => {
  expect(formatClosingLine(countRun(modules, unhandledErrors))).toBe(line);
});

test('a run of vitest ends with the closing line, after everything else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'whotalks-reporter-'));
  try {
    const vitest = join(repository, 'node_modules/vitest');
    const reporter = join(repository, 'test/support/closing-line-reporter.ts');
    writeFileSync(
      join(folder, 'sample.test.ts'),
      `import { expect, test } from '${vitest}/dist/index.js';
       test('good', () => {}); test('bad', () => expect(1).toBe(2)); test.skip('later', () => {});`,
    );
    writeFileSync(
      join(folder, 'vitest.config.ts'),
      `import { ClosingLineReporter } from '${reporter}';
       export default { test: { reporters: ['default', new ClosingLineReporter()] } };`,
    );
    const run = spawnSync(process.execPath, [join(vitest, 'vitest.mjs'), 'run', '--root', folder], {
      encoding: 'utf8',
    });
    expect(run.stdout.trimEnd().split('\n').at(-1)).toBe('1 passed, 1 failed, 1 skipped');
    expect(run.status).toBe(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
