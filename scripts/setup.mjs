/** Makes a checkout ready to run: packages and build, and with --test the system programs that tests need. */
import { requireNode } from './node-version.mjs';

requireNode();
const { main } = await import('./step.mjs');
const { installDependencies } = await import('./dependencies.mjs');
const { buildIfStale } = await import('./dist.mjs');
const { requirePrograms, testPrograms } = await import('./system-packages.mjs');

await main(async () => {
  if (process.argv.includes('--test')) await requirePrograms(testPrograms);
  await installDependencies();
  await buildIfStale();
});
