/** `npm run bench [NAME...] [-- FLAG...]`: runs bench/NAME.ts, or all of them, one after the other, with the flags. */
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { requireNode } from './node-version.mjs';

requireNode();
const { main, root, runOpenly, runQuietly, StepError, step } = await import('./step.mjs');
const { benchPrograms, requirePrograms } = await import('./system-packages.mjs');
const { offerEnginePeers } = await import('./engine-peers.mjs');

/** The benches: every file of bench/ itself; what they share lives in its subfolders. */
function benchNames() {
  return readdirSync(join(root, 'bench'))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length));
}

/** Names come first; what follows the first flag is the bench's own. */
function chosenBenches(args) {
  const known = benchNames();
  const firstFlag = args.findIndex((arg) => arg.startsWith('-'));
  const names = firstFlag < 0 ? args : args.slice(0, firstFlag);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new StepError(`no bench ${unknown.join(', ')}: there are ${known.join(', ')}`);
  return { names: names.length === 0 ? known : names, flags: args.slice(names.length) };
}

async function bundleEngine() {
  const vite = join(root, 'node_modules/.bin/vite');
  const { code, output } = await runQuietly(vite, ['build', '--config', 'vite.bench.config.ts']);
  if (code !== 0) throw new StepError(output.trimEnd());
}

await main(async () => {
  const { names, flags } = chosenBenches(process.argv.slice(2));
  await requirePrograms(benchPrograms);
  if (names.includes('engine')) await offerEnginePeers();
  await step('compile benches', async () => {
    const { code, output } = await runQuietly(join(root, 'node_modules/.bin/tsc'), [
      '-p',
      'bench/tsconfig.json',
    ]);
    if (code !== 0) throw new StepError(output.trimEnd());
    // The programs that they start lie beside them, as in the sources.
    for (const programs of ['bench/programs', 'test/support/programs']) {
      cpSync(join(root, programs), join(root, 'dist', programs), { recursive: true });
    }
  });
  if (names.includes('engine')) await step('bundle the engine', bundleEngine);
  for (const name of names) {
    const code = await runOpenly(process.execPath, [join(root, 'dist/bench', `${name}.js`), ...flags]);
    if (code !== 0) throw new StepError(`bench ${name} failed`);
  }
});
