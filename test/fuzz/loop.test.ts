/** The loop finds what is planted for it, the same each time, and nothing else. */
import { expect, test } from 'vitest';
import { FuzzLoop } from '../../fuzz/loop.ts';
import { minimise } from '../../fuzz/minimise.ts';
import { shapeOf } from '../../fuzz/shape.ts';
import { BrokenPromise, expectAlike, expectThat, type Target } from '../../fuzz/target.ts';

function targetOf(run: Target['run'], more: Partial<Target> = {}): Target {
  return { name: 'planted', seeds: () => [], tokens: [], run, ...more };
}

async function loopOf(target: Target, count: number, seed = 1): Promise<FuzzLoop> {
  const loop = new FuzzLoop(target, [Buffer.from('GET /index 10 words')], seed);
  await loop.runCorpus();
  await loop.run(() => loop.inputs >= count);
  return loop;
}

test('an error that nobody names is found, with an input that throws it again', async () => {
  const target = targetOf(
    (input) => {
      if (input.toString('latin1').startsWith('GET //')) throw new TypeError('Invalid URL');
    },
    { tokens: ['/'] },
  );
  const loop = await loopOf(target, 20_000);
  expect(loop.findings.map(({ target: name, outcome }) => [name, outcome.kind, outcome.key])).toEqual([
    ['planted', 'crash', 'TypeError: Invalid URL'],
  ]);
  const { input } = loop.findings[0]!;
  expect(loop.outcomeNow(input)).toMatchObject({ kind: 'crash', key: 'TypeError: Invalid URL' });
  const short = minimise(input, (shorter) => loop.outcomeNow(shorter)?.kind === 'crash');
  expect(short.toString()).toBe('GET //');
});

test('an error that is named is none, and its words without numbers and quotes tell inputs apart', async () => {
  const target = targetOf(
    (input) => {
      if (input.length > 3) throw new RangeError(`a length of ${input.length} in "${input.toString('hex')}"`);
    },
    { refusals: [RangeError] },
  );
  const loop = await loopOf(target, 500);
  expect(loop.findings).toEqual([]);
  expect(loop.outcomes).toBe(2);
});

test('a loop without end is stopped and found', async () => {
  const target = targetOf((input) => {
    while (input.includes('10'));
  });
  const loop = await loopOf(target, 1);
  expect(loop.findings.map(({ input, outcome }) => [outcome.kind, input.toString()])).toEqual([
    ['hang', 'GET /index 10 words'],
  ]);
});

test('too much memory for a small input is found', async () => {
  // oxlint-disable-next-line unicorn/no-new-array -- on the heap, and at once
  const target = targetOf((input) => (input.length > 0 ? new Array<number>(25_000_000).fill(0) : null));
  const loop = await loopOf(target, 1);
  expect(loop.findings.map(({ outcome }) => outcome.kind)).toEqual(['memory']);
});

test('what rejects is found like what throws', async () => {
  const target = targetOf(async (input) => {
    await Promise.resolve();
    expectThat(input.length === 0, 'an input is empty', input.length);
  });
  const loop = await loopOf(target, 1);
  expect(loop.findings.map(({ outcome }) => outcome.key)).toEqual(['an input is empty']);
});

test('inputs are the same for the same seed, and others for another', async () => {
  const inputsOf = async (seed: number): Promise<string[]> => {
    const inputs: string[] = [];
    await loopOf(
      targetOf((input) => void inputs.push(input.toString('hex'))),
      300,
      seed,
    );
    return inputs;
  };
  const inputs = await inputsOf(7);
  expect(inputs.length).toBe(300);
  expect(new Set(inputs).size).toBeGreaterThan(100);
  expect(await inputsOf(7)).toEqual(inputs);
  expect(await inputsOf(8)).not.toEqual(inputs);
});

test('an input that does something new is mutated further', async () => {
  // Each letter can only be found behind the one before.
  const target = targetOf(
    (input) => ['a', 'b', 'c', 'd'].findIndex((letter, i) => input.toString('latin1')[i] !== letter),
    {
      tokens: ['a', 'b', 'c', 'd'],
    },
  );
  const loop = await loopOf(target, 30_000);
  expect(loop.outcomes).toBeGreaterThanOrEqual(3);
});

test('shapes tell kinds of values apart, and not values', () => {
  expect(shapeOf({ a: 1, b: ['x', 'y'] })).toBe(shapeOf({ a: 7, b: ['z', 'u'] }));
  expect(shapeOf({ a: 1 })).not.toBe(shapeOf({ a: null }));
  expect(shapeOf([1, 2, 3, 4])).not.toBe(shapeOf([1, 2]));
});

test('values are alike whatever the order of their keys', () => {
  expectAlike({ a: 1, b: [Number.NaN] }, { b: [Number.NaN], a: 1 }, 'they are alike');
  expect(() => expectAlike({ a: 1 }, { a: 2 }, 'they are alike')).toThrow(BrokenPromise);
  expect(() => expectAlike([1, 2], [2, 1], 'they are alike')).toThrow('they are alike: [[1,2],[2,1]]');
});
