/** `npm run bench [NAME...]`: runs bench/NAME.ts, or all of them, one after the other. */
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { requireNode } from './node-version.mjs';

requireNode();
const { main, root, runOpenly, runQuietly, StepError, step } = await import('./step.mjs');
const { benchPrograms, requirePrograms } = await import('./system-packages.mjs');

/** The benches: every file of bench/ itself; what they share lives in its subfolders. */
function benchNames() {
  return readdirSync(join(root, 'bench'))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length));
}

function chosenBenches(args) {
  const known = benchNames();
  const unknown = args.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new StepError(`no bench ${unknown.join(', ')}: there are ${known.join(', ')}`);
  return args.length === 0 ? known : args;
}

await main(async () => {
  const names = chosenBenches(process.argv.slice(2));
  await requirePrograms(benchPrograms);
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
  for (const name of names) {
    const code = await runOpenly(process.execPath, [join(root, 'dist/bench', `${name}.js`)]);
    if (code !== 0) throw new StepError(`bench ${name} failed`);
  }
});
