/**
 * `npm run fuzz`: every target by turns, each for its share of the time; what breaks is made short, kept in fuzz/corpus and told.
 *
 *     --target NAME    only this one, or several with commas between them
 *     --minutes M      altogether; 10 by default, 0 = the corpus alone
 *     --seed S         of the mutations; by default another one each time
 *     --base64 INPUT   runs this one input of the target, and says how it ends
 */
import { parseArgs } from 'node:util';
import { errorLine } from '../agent/error-line.ts';
import { keepBroken } from './corpus.ts';
import { FuzzLoop } from './loop.ts';
import type { Target } from './target.ts';
import { targets } from './targets.ts';
import { fuzzWatched } from './watched-target.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string' },
    base64: { type: 'string' },
  },
});

process.exitCode = await main().catch((error: unknown) => {
  console.error(`fuzz: ${errorLine(error)}`);
  return 2;
});

async function main(): Promise<number> {
  const chosen = chosenTargets(values.target);
  if (values.base64 !== undefined) return replay(chosen[0]!, Buffer.from(values.base64, 'base64'));
  const minutes = Number(values.minutes);
  if (!(minutes >= 0))
    throw new Error(`--minutes: expected a number, found ${JSON.stringify(values.minutes)}`);
  const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
  if (!Number.isSafeInteger(seed)) throw new Error('--seed: expected a whole number');
  console.error(`fuzz: ${chosen.length} targets, ${minutes} minutes, --seed ${seed}`);
  let broken = 0;
  for (const target of chosen) broken += await fuzz(target, seed, (minutes * 60_000) / chosen.length);
  console.error(broken === 0 ? 'fuzz: nothing broke' : `fuzz: ${broken} inputs broke something`);
  return broken === 0 ? 0 : 1;
}

function chosenTargets(names: string | undefined): readonly Target[] {
  if (names === undefined) return targets;
  return names.split(',').map((name) => {
    const target = targets.find((each) => each.name === name);
    if (target !== undefined) return target;
    throw new Error(
      `--target: there is no ${JSON.stringify(name)}; there are ${targets.map((each) => each.name).join(', ')}`,
    );
  });
}

/** @returns how many inputs broke something */
async function fuzz({ name }: Target, seed: number, forMs: number): Promise<number> {
  const beganMs = performance.now();
  const { inputs, outcomes, findings } = await fuzzWatched(name, seed, forMs);
  const seconds = (performance.now() - beganMs) / 1000;
  console.error(
    `${name.padEnd(20)} ${inputs} inputs, ${Math.round(inputs / seconds)} a second, ${outcomes} outcomes` +
      (findings.length === 0 ? '' : `, ${findings.length} BROKEN`),
  );
  for (const { what, input } of findings) {
    const bytes = Buffer.from(input);
    console.error(`\n${what}\n`);
    console.error(
      `  target ${name}, --seed ${seed}, ${bytes.length} bytes, kept as ${keepBroken(name, bytes)}`,
    );
    console.error(`  again: npm run fuzz -- --target ${name} --base64 ${bytes.toString('base64') || "''"}\n`);
  }
  return findings.length;
}

async function replay(target: Target, input: Buffer): Promise<number> {
  const loop = new FuzzLoop(target, [input], 0);
  await loop.runCorpus();
  await target.close?.();
  for (const { outcome } of loop.findings) {
    console.error(outcome.kind === 'crash' ? outcome.error : outcome.kind);
  }
  if (loop.findings.length === 0) console.error(`fuzz: ${target.name} takes it`);
  return loop.findings.length === 0 ? 0 : 1;
}
