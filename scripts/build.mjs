/** `npm run build`: builds dist/, also when it looks fresh. */
import { requireNode } from './node-version.mjs';

requireNode();
const { main } = await import('./step.mjs');
const { installDependencies } = await import('./dependencies.mjs');
const { build } = await import('./dist.mjs');

await main(async () => {
  await installDependencies();
  await build();
});
