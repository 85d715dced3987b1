/**
 * `npm run sim -- OPTIONS`: bundles the simulation and runs it (sim/main.ts).
 *
 *     --seeds N [--from S]        N seeds, one after the other
 *     --seed S [--trace]          one of them, with all that happens in it
 *     --twice                     each twice, which has to be the same
 *     --into NAME                 bundles into another folder of dist/sim, for those that run side by side
 *     --planted [NAME...]         bugs that are planted into the sources (sim/planted/), one after the other: each has to be
 *                                 found within --seeds N, 2000 if nothing is said
 */
import { execFile } from 'node:child_process';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { requireNode } from './node-version.mjs';

requireNode();
const { main, root, runOpenly, StepError, step } = await import('./step.mjs');

/** Seeds within which a planted bug has to be found. */
const plantedSeeds = 2000;

/**
 * Bundles the simulation, perhaps with a bug in it.
 * @param {string} folder below dist/sim
 * @param {{ file: string, find: string, replace: string } | null} bug
 * @returns {Promise<string>} the program
 */
async function bundle(folder, bug) {
  const { build } = await import('vite');
  const outDir = join(root, 'dist/sim', folder, 'program');
  await build({
    configFile: join(root, 'vite.sim.config.ts'),
    logLevel: 'error',
    plugins: bug === null ? [] : [planting(bug)],
    build: { outDir },
  });
  // Beside the program, as in the product, but without the table of a build, which may be of other sources.
  cpSync(join(root, 'proto'), join(root, 'dist/sim', folder, 'proto'), { recursive: true });
  return join(outDir, 'main.js');
}

/** A plugin that changes one place of one file while it is read. Throws StepError unless that place is there, once. */
function planting({ name, file, find, replace }) {
  const path = join(root, file);
  const source = readFileSync(path, 'utf8');
  const places = source.split(find).length - 1;
  if (places !== 1) throw new StepError(`planted bug "${name}": its text is ${places} times in ${file}`);
  return {
    name: 'planted-bug',
    enforce: 'pre',
    load: (id) => (id.split('?', 1)[0] === path ? source.replace(find, () => replace) : null),
  };
}

/** Runs the bundled program and gives what it says as JSON. */
function ask(program, args) {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [program, ...args, '--json'],
      { maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        try {
          resolve(JSON.parse(stdout));
        } catch {
          reject(new StepError(`the simulation said nothing: ${error?.message ?? ''}\n${stderr}`));
        }
      },
    );
  });
}

/** Lets `work` be done for each item, by a few at a time, in order of the items. */
async function forEach(items, work) {
  const rest = [...items];
  const worker = async () => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, worker));
}

/** The first seed that fails with the bug, and passes without it. */
async function firstFound(program, seeds, plain) {
  for (let from = 1; from <= seeds; ) {
    const args = ['--from', String(from), '--seeds', String(seeds - from + 1)];
    const { breach } = await ask(program, args);
    if (breach === null) break;
    const { breach: without } = await ask(plain, ['--seed', String(breach.seed)]);
    if (without === null) return { breach, needed: breach.seed };
    from = breach.seed + 1;
  }
  return { breach: null, needed: seeds };
}

async function findBug(bug, { seeds, into, plain }) {
  const begun = performance.now();
  const folder = `${into}/${bug.name.replaceAll(' ', '-')}`;
  const program = await bundle(folder, bug);
  const { breach, needed } = await firstFound(program, seeds, plain);
  rmSync(join(root, 'dist/sim', folder), { recursive: true, force: true });
  const found = breach === null ? 'NOT FOUND' : `${breach.invariant} (seed ${breach.seed})`;
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  console.log(
    `| ${bug.name.padEnd(44)} | ${String(needed).padStart(5)} | ${found.padEnd(18)} | ${seconds.padStart(4)} s |`,
  );
  return breach !== null;
}

async function runPlanted(names, { seeds, into }) {
  const program = await bundle(`${into}/none`, null);
  const bugs = await ask(program, ['--list-planted']);
  const unknown = names.filter((name) => !bugs.some((bug) => bug.name === name));
  if (unknown.length > 0) throw new StepError(`no planted bug ${unknown.join(', ')}`);
  const chosen = names.length === 0 ? bugs : bugs.filter((bug) => names.includes(bug.name));
  for (const bug of chosen) planting(bug);
  console.log(`| ${'planted bug'.padEnd(44)} | seeds | ${'found by'.padEnd(18)} | took   |`);
  console.log(`|${'-'.repeat(46)}|------:|${'-'.repeat(20)}|-------:|`);
  let found = 0;
  await forEach(chosen, async (bug) => {
    if (await findBug(bug, { seeds, into, plain: program })) found++;
  });
  console.log(`${found} of ${chosen.length} planted bugs found`);
  return found === chosen.length ? 0 : 1;
}

await main(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--planted')) {
    const { positionals, values } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        planted: { type: 'boolean' },
        seeds: { type: 'string', default: String(plantedSeeds) },
        into: { type: 'string', default: 'planted' },
      },
    });
    return runPlanted(positionals, { seeds: Number(values.seeds), into: values.into });
  }
  const at = args.indexOf('--into');
  const [, into] = at < 0 ? [] : args.splice(at, 2);
  const program = await step('bundle the simulation', () => bundle(into ?? 'plain', null));
  return runOpenly(process.execPath, ['--enable-source-maps', program, ...args]);
});
