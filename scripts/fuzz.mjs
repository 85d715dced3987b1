/** `npm run fuzz -- OPTIONS`: compiles fuzz/ and runs it; fuzz/fuzz.ts has the options. */
import { join } from 'node:path';
import { requireNode } from './node-version.mjs';

requireNode();
const { main, root, runOpenly, runQuietly, StepError, step } = await import('./step.mjs');

await main(async () => {
  await step('compile fuzz', async () => {
    const { code, output } = await runQuietly(join(root, 'node_modules/.bin/tsc'), [
      '-p',
      'fuzz/tsconfig.json',
    ]);
    if (code !== 0) throw new StepError(output.trimEnd());
  });
  return runOpenly(process.execPath, [join(root, 'dist/fuzz/fuzz.js'), ...process.argv.slice(2)]);
});
