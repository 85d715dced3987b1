/**
 * Builds dist/:
 *
 *     program/   what bin/whotalks runs, bundled      vite.programs.config.ts
 *     web/       the page that it serves              vite.config.ts
 *     proto/     the proto file, and as JSON what whotalks reads of it in place of parsing it
 *     agent/ ... every module by itself, for the tests, benches and soaks that run some of them   tsconfig.build.json
 *
 * The new tree is built aside and takes the old one's place in one rename, so that a running whotalks or a second
 * build never meets half of it.
 */
import { chmodSync, cpSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeCodeCache } from './code-cache.mjs';
import { fingerprint, readStamp } from './fingerprint.mjs';
import { root, runQuietly, StepError, step } from './step.mjs';

/** Everything that a build reads. */
const sources = [
  'model',
  'wire',
  'query',
  'disk',
  'agent',
  'aggregator',
  'cli',
  'proto',
  'web',
  'tsconfig.json',
  'tsconfig.build.json',
  'vite.config.ts',
  'vite.programs.config.ts',
  'package-lock.json',
  'scripts/code-cache.mjs',
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
      await Promise.all([
        compileModules(aside),
        bundle('vite.programs.config.ts', join(aside, 'program')),
        bundle('vite.config.ts', join(aside, 'web')),
      ]);
      cpSync(join(root, 'proto'), join(aside, 'proto'), { recursive: true });
      await writeProtoTable(aside);
      await writeCodeCache(join(aside, 'program/main.cjs'));
      writeFileSync(join(aside, '.stamp'), `${stamp}\n`);
      // mkdtemp keeps others out; what root built, every user of the machine may run.
      chmodSync(aside, 0o755);
      takePlace(aside);
    } finally {
      rmSync(aside, { recursive: true, force: true });
    }
  });
}

/** By the compiled module, which parses the copy of the file beside it as long as there is no table; nothing is done where there is none. */
async function writeProtoTable(tree) {
  const path = join(tree, 'wire/proto-file.js');
  if (!existsSync(path)) return;
  const { parsedTable } = await import(pathToFileURL(path).href);
  writeFileSync(join(tree, 'proto/whotalks.json'), JSON.stringify(parsedTable()));
}

async function compileModules(outDir) {
  await tool('tsc', ['-p', 'tsconfig.build.json', '--outDir', outDir]);
}

async function bundle(config, outDir) {
  if (!existsSync(join(root, config))) {
    console.error(`build: no ${config}, so nothing is bundled by it`);
    return;
  }
  await tool('vite', [
    'build',
    '--config',
    config,
    '--outDir',
    outDir,
    '--emptyOutDir',
    '--logLevel',
    'warn',
  ]);
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
