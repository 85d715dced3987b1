/** `npm test`: the checks of the sources, then the tests. Arguments go to vitest. Closes with `N passed, N failed, N skipped`. */
import { join } from 'node:path';
import { requireNode } from './node-version.mjs';

requireNode();
const { main, root, runOpenly } = await import('./step.mjs');
const { checkSources } = await import('./source-checks.mjs');

await main(async () => {
  if (!(await checkSources())) {
    // Nothing was tested: the failed check is the one result there is.
    console.log('0 passed, 1 failed, 0 skipped');
    return 1;
  }
  if (process.getuid?.() !== 0) {
    console.error('test: not root, so the tests that make network namespaces are skipped');
  }
  return runOpenly(process.execPath, [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    ...process.argv.slice(2),
  ]);
});
