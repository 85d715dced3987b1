/**
 * Every target takes its whole corpus, and some mutations of it that are the same in every run. For longer: `npm run fuzz`.
 *
 * A failure names the input: `npm run fuzz -- --target NAME --base64 INPUT` runs it again.
 */
import { expect, test } from 'vitest';
import { corpusOf } from '../../fuzz/corpus.ts';
import { FuzzLoop } from '../../fuzz/loop.ts';
import { targets } from '../../fuzz/targets.ts';

/** Of each target; those that take a millisecond for an input make do with fewer. */
const mutations = 400;
const mutationsOfSlow = 60;
const slow: ReadonlySet<string> = new Set(['agent-stream', 'config-file', 'http']);

const seed = 1;

test.each(targets.map((target) => [target.name, target] as const))('%s', async (name, target) => {
  const corpus = corpusOf(target);
  expect(corpus.length).toBeGreaterThan(0);
  const loop = new FuzzLoop(target, corpus, seed);
  await loop.runCorpus();
  const end = loop.inputs + (slow.has(name) ? mutationsOfSlow : mutations);
  await loop.run(() => loop.inputs >= end);
  await target.close?.();
  expect(loop.findings.map(({ input, outcome }) => [outcome, input.toString('base64')])).toEqual([]);
  expect(loop.inputs).toBe(end);
});

test('no two targets have the same name', () => {
  expect(new Set(targets.map(({ name }) => name)).size).toBe(targets.length);
});
