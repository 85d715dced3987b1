/** The scripts behind npm start and npm test: when they install and build, when they do not, and what they say. */
import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SampleCheckout } from '../support/sample-checkout.ts';

let checkout: SampleCheckout;

beforeEach(() => {
  checkout = new SampleCheckout();
});
afterEach(() => checkout.remove());

const ci = 'npm ci --include=dev --no-audit --no-fund';

function setUp(env: Record<string, string> = {}) {
  return checkout.run([process.execPath, 'scripts/setup.mjs'], env);
}

test('a fresh checkout is installed from the lockfile and built, in one line each; then nothing more is done', () => {
  const first = setUp({ NODE_ENV: 'production' });
  expect(first.stderr.replaceAll(/[0-9.]+ s/g, 'N s')).toBe(
    'install packages: done in N s\nbuild: no vite.programs.config.ts, so nothing is bundled by it\nbuild: no vite.config.ts, so nothing is bundled by it\nbuild: done in N s\n',
  );
  expect(first).toMatchObject({ code: 0, stdout: '' });
  const [install, compile, ...more] = checkout.calls();
  expect(install).toBe(ci);
  expect(compile).toMatch(/^tsc -p tsconfig.build.json --outDir /);
  expect(more).toEqual([]);
  expect(checkout.read('dist/a.js')).toBe('compiled\n');
  expect(checkout.has('dist/proto/whotalks.proto')).toBe(true);
  expect(setUp()).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(checkout.calls()).toEqual([]);
});

test('another lockfile installs and builds again', () => {
  setUp();
  checkout.calls();
  checkout.write('package-lock.json', '{"version": 2}');
  setUp();
  expect(checkout.calls().map((call) => call.split(' ')[0])).toEqual(['npm', 'tsc']);
});

test('another source builds again, without what only the old build made; a newer date alone does not', () => {
  setUp();
  checkout.write('dist/left-over.js', '');
  checkout.calls();
  utimesSync(join(checkout.folder, 'model/a.ts'), new Date(), new Date());
  setUp();
  expect(checkout.calls()).toEqual([]);
  checkout.write('model/b.ts', 'export {};');
  setUp();
  expect(checkout.calls()).toHaveLength(1);
  expect(checkout.has('dist/left-over.js')).toBe(false);
});

test('an install that fails shows the words of npm, and is tried again the next time', () => {
  checkout.program('npm', 'echo "npm error no network" >&2; exit 1');
  const failed = setUp();
  expect(failed.code).toBe(1);
  expect(failed.stderr.replaceAll(/[0-9.]+ s/g, 'N s')).toBe(
    'install packages: failed after N s\nnpm error no network\nnpm ci failed: its words stand above\n',
  );
  setUp();
  expect(checkout.calls()).toEqual([ci, ci]);
});

test('a build that fails shows the words of the compiler and leaves the old dist as it was', () => {
  setUp();
  checkout.write('model/b.ts', 'wrong');
  checkout.write('node_modules/.bin/tsc', '#!/bin/sh\necho "model/b.ts(1,1): wrong"; exit 2\n');
  const failed = setUp();
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain('model/b.ts(1,1): wrong\nbuild: tsc failed: its words stand above\n');
  expect(checkout.read('dist/a.js')).toBe('compiled\n');
  expect(setUp().code).toBe(1);
});

test('a Node.js that is too old is told so in one line', () => {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.18.3' } });
    import('${checkout.folder}/scripts/setup.mjs');`;
  expect(checkout.run([process.execPath, '-e', pretend])).toEqual({
    code: 1,
    stdout: '',
    stderr:
      'whotalks needs Node.js 20.19 or newer, and this is 20.18.3: install a newer one from your distribution or https://nodejs.org\n',
  });
  expect(checkout.calls()).toEqual([]);
});

function requirePrograms(programs: Record<string, string>, uid?: number) {
  const script = `import { main } from '${checkout.folder}/scripts/step.mjs';
    import { requirePrograms } from '${checkout.folder}/scripts/system-packages.mjs';
    await main(() => requirePrograms(${JSON.stringify(programs)}));`;
  return checkout.run([process.execPath, '--input-type=module', '-e', script], {}, uid);
}

const absent = { 'no-such-tool': 'tool-package', 'no-such-either': 'tool-package', sh: 'dash' };

test.runIf(process.getuid?.() === 0)('missing system programs are installed by root, quietly', () => {
  checkout.program('apt-get', 'echo "$DEBIAN_FRONTEND" >frontend');
  const { code, stdout, stderr } = requirePrograms(absent);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  expect(stderr).toMatch(/^install tool-package: done in [0-9.]+ s\n$/);
  expect(checkout.calls()).toEqual([
    'apt-get -q update',
    'apt-get -q install -y --no-install-recommends tool-package',
  ]);
  expect(checkout.read('frontend')).toBe('noninteractive\n');
});

test.runIf(process.getuid?.() === 0)('to anybody else they are named, in one line', () => {
  checkout.program('apt-get', '');
  const nobody = 65534;
  expect(requirePrograms(absent, nobody)).toEqual({
    code: 1,
    stdout: '',
    stderr:
      'tests need no-such-tool, no-such-either (Debian: tool-package): install with `sudo apt-get install tool-package`\n',
  });
  expect(checkout.calls()).toEqual([]);
});

test.each([
  [
    'tests that fail',
    'echo "7 passed, 2 failed, 1 skipped"; echo "npm error code 1" >&2; exit 1',
    1,
    '7 passed, 2 failed, 1 skipped',
  ],
  ['tests that pass', 'echo noise; echo "9 passed, 0 failed, 1 skipped"', 0, '9 passed, 0 failed, 1 skipped'],
  ['a set-up that fails', 'echo "no network" >&2; exit 7', 7, '0 passed, 1 failed, 0 skipped'],
  ['a run without a result', 'true', 1, '0 passed, 1 failed, 0 skipped'],
])('.ci/run ends with the closing line and the code of npm test: %s', (_name, script, code, line) => {
  checkout.program('npm', script);
  const run = checkout.run(['bash', join(checkout.folder, '.ci/run')]);
  expect(run.stdout.trimEnd().split('\n').at(-1)).toBe(line);
  expect(run.code).toBe(code);
  expect(checkout.calls()).toEqual(['npm test']);
});
