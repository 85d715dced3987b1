/** `npm run soak NAME -- OPTIONS`: runs soak/NAME.ts, which takes long and fails when its claim does not hold. */
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { requireNode } from './node-version.mjs';

requireNode();
const { main, root, runOpenly, runQuietly, StepError, step } = await import('./step.mjs');
const { requirePrograms, soakPrograms } = await import('./system-packages.mjs');

/** The soaks: every file of soak/. */
function soakNames() {
  return readdirSync(join(root, 'soak'))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length));
}

await main(async () => {
  const [name, ...options] = process.argv.slice(2);
  const known = soakNames();
  if (!known.includes(name)) throw new StepError(`which soak? There are ${known.join(', ')}`);
  await requirePrograms(soakPrograms);
  await step('compile soaks', async () => {
    const { code, output } = await runQuietly(join(root, 'node_modules/.bin/tsc'), [
      '-p',
      'soak/tsconfig.json',
    ]);
    if (code !== 0) throw new StepError(output.trimEnd());
    // The programs that they start lie beside them, as in the sources.
    const programs = 'test/support/programs';
    cpSync(join(root, programs), join(root, 'dist', programs), { recursive: true });
  });
  return runOpenly(process.execPath, [join(root, 'dist/soak', `${name}.js`), ...options]);
});
