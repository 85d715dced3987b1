/**
 * The databases that `npm run bench engine` measures against. DuckDB comes from npm into a folder of its own, as nothing else
 * needs it; the others are Debian's. What cannot be installed is left out, and the bench's table says so.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, runQuietly, StepError, step } from './step.mjs';
import { installWithApt, isInstalled } from './system-packages.mjs';

/** Where bench/engine.ts finds it. Beside the packages of the product, so that nothing else has to leave it out. */
const npmFolder = join(root, 'node_modules/.bench-peers');
const duckdb = '@duckdb/node-api@1.5.6-r.1';

export async function offerEnginePeers() {
  if (!existsSync(join(npmFolder, 'node_modules/@duckdb/node-api')))
    await offer(`install ${duckdb}`, () => installFromNpm(duckdb));
  const packages = [];
  if (!existsSync('/usr/lib/postgresql')) packages.push('postgresql');
  if (!isInstalled('sqlite3')) packages.push('sqlite3');
  if (packages.length > 0) await offer(`install ${packages.join(' ')}`, () => installWithApt(packages));
}

async function offer(name, work) {
  try {
    await step(name, work);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    console.error(`${error.message}\nThe bench goes on without it.`);
  }
}

async function installFromNpm(name) {
  mkdirSync(npmFolder, { recursive: true });
  writeFileSync(join(npmFolder, 'package.json'), '{ "private": true }\n');
  const args = ['install', '--prefix', npmFolder, '--no-audit', '--no-fund', name];
  const { code, output } = await runQuietly('npm', args);
  if (code !== 0) throw new StepError(output.trimEnd());
}
