/**
 * fast-check as tests use it: the same random cases in every run, so that what fails is what was changed.
 *
 * `SEED=7 npx vitest run PATH` takes others, `SEED=random` new ones each time; a failure names its seed.
 */
import fc from 'fast-check';

const seed = process.env['SEED'] ?? '1';

if (seed !== 'random') fc.configureGlobal({ seed: Number(seed) });

export { fc };
