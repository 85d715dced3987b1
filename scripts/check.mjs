/** `npm run check`: format, lint and types. Everything runs, and everything that fails is shown. */
import { requireNode } from './node-version.mjs';

requireNode();
const { main } = await import('./step.mjs');
const { installDependencies } = await import('./dependencies.mjs');
const { checkSources } = await import('./source-checks.mjs');

await main(async () => {
  await installDependencies();
  return (await checkSources()) ? 0 : 1;
});
