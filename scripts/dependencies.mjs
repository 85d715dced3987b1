/**
 * Installs the packages of package-lock.json, when node_modules holds others.
 *
 * Always `npm ci`: it takes the lockfile as it is. npm 10.8, which ships with Node 20, cannot resolve this tree itself
 * ("edgesOut"), but installs it from a lockfile without trouble.
 */
import { existsSync, lstatSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprint, readStamp } from './fingerprint.mjs';
import { root, runQuietly, StepError, step } from './step.mjs';

/** Lives inside node_modules, so that it goes whenever node_modules goes. */
const stampPath = 'node_modules/.whotalks-stamp';

export async function installDependencies() {
  const wanted = wantedStamp();
  if (readStamp(stampPath) === wanted || isLink(join(root, 'node_modules'))) return;
  await step('install packages', async () => {
    if (!existsSync(join(root, 'package-lock.json')))
      throw new StepError('package-lock.json is missing: this is no whole checkout');
    // --include=dev: building needs them, and NODE_ENV=production would leave them out.
    const { code, output } = await runQuietly('npm', ['ci', '--include=dev', '--no-audit', '--no-fund']);
    if (code !== 0) throw new StepError(`${output.trimEnd()}\nnpm ci failed: its words stand above`);
    writeFileSync(join(root, stampPath), `${wanted}\n`);
  });
}

/** A node_modules that is a link belongs to another checkout, and npm ci would empty it. */
function isLink(path) {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
}

/** Native packages differ by platform: a node_modules copied from elsewhere must not pass. */
function wantedStamp() {
  const nodeMajor = process.versions.node.split('.')[0];
  return fingerprint(['package.json', 'package-lock.json'], [nodeMajor, process.platform, process.arch]);
}
