/**
 * Builds dist/: the compiled programs, the proto file beside them, and the page in dist/web.
 *
 * The new tree is built aside and takes the old one's place in one rename, so that a running whotalks or a second
 * build never meets half of it.
 */
import { chmodSync, cpSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint, readStamp } from './fingerprint.mjs';
import { root, runQuietly, StepError, step } from './step.mjs';

/** Everything that a build reads. */
const sources = [
  'model',
  'wire',
  'query',
  'agent',
  'aggregator',
  'cli',
  'proto',
  'web',
  'tsconfig.json',
  'tsconfig.build.json',
  'vite.config.ts',
  'package-lock.json',
  'scripts/dist.mjs',
];
const stampPath = 'dist/.stamp';
const binary = (name) => join(root, 'node_modules/.bin', name);

export async function buildIfStale() {
  if (readStamp(stampPath) !== fingerprint(sources)) await build();
}

export async function build() {
  const stamp = fingerprint(sources);
  await step('build', async () => {
    const aside = mkdtempSync(join(root, 'node_modules/.whotalks-build-'));
    try {
      await Promise.all([compilePrograms(aside), bundlePage(join(aside, 'web'))]);
      cpSync(join(root, 'proto'), join(aside, 'proto'), { recursive: true });
      writeFileSync(join(aside, '.stamp'), `${stamp}\n`);
      // mkdtemp keeps others out; what root built, every user of the machine may run.
      chmodSync(aside, 0o755);
      takePlace(aside);
    } finally {
      rmSync(aside, { recursive: true, force: true });
    }
  });
}

async function compilePrograms(outDir) {
  await tool('tsc', ['-p', 'tsconfig.build.json', '--outDir', outDir]);
}

async function bundlePage(outDir) {
  if (!existsSync(join(root, 'vite.config.ts'))) {
    console.error('build: no vite.config.ts, so no page is built');
    return;
  }
  await tool('vite', ['build', '--outDir', outDir, '--emptyOutDir', '--logLevel', 'warn']);
}

async function tool(name, args) {
  const { code, output } = await runQuietly(binary(name), args);
  if (code !== 0) throw new StepError(`${output.trimEnd()}\nbuild: ${name} failed: its words stand above`);
}

/** Puts the tree `aside` where dist/ is. Files that only a previous build made go away with it. */
function takePlace(aside) {
  const old = `${aside}-old`;
  if (existsSync(join(root, 'dist'))) renameSync(join(root, 'dist'), old);
  renameSync(aside, join(root, 'dist'));
  rmSync(old, { recursive: true, force: true });
}
