/** The thread that looks at rows for questions: as it is built, beside a thread that writes, and when it fails. */
import { afterEach, describe, expect, test } from 'vitest';
import type { SievePlan } from '../../../aggregator/lookup/sieve-plan.ts';
import { startsMax } from '../../../aggregator/lookup/sieve-thread.ts';
import { fc } from '../../support/random-cases.ts';
import { SievedPairs, servedPorts } from '../../support/sieved-pairs.ts';
import { until } from '../../support/until.ts';

/** As compiled by itself, and as bundled for people. */
const programs = ['aggregator/lookup/sieve-worker.js', 'program/sieve-worker.cjs'] as const;

const filters = [
  ':80',
  '10.0.0.1',
  '10.0.0.1:1007',
  '10.0.0.0/24 and not :81',
  'api',
  'nobody',
  ':81 or web',
];

const failures: string[] = [];
const made: SievedPairs[] = [];

function pairsWith(program: string | URL): SievedPairs {
  const built = typeof program === 'string' ? new URL(`../../../dist/${program}`, import.meta.url) : program;
  const pairs = new SievedPairs({
    program: built,
    onFailure: ({ message }) => void failures.push(message),
  });
  made.push(pairs);
  return pairs;
}

/** A thread that runs this text. */
function textOf(body: string): URL {
  const head = "import { parentPort } from 'node:worker_threads';";
  return new URL(`data:text/javascript,${encodeURIComponent(`${head}\n${body}`)}`);
}

/** The first question starts the thread. */
async function start(pairs: SievedPairs): Promise<void> {
  await pairs.search(':80');
  await until('the thread is ready', () => pairs.thread.isReady);
}

afterEach(async () => {
  await Promise.all(made.splice(0).map(({ thread }) => thread.close()));
  failures.length = 0;
});

describe('a thread that looks at rows', () => {
  test.each(programs)('finds what is selected: %s', async (program) => {
    const pairs = pairsWith(program);
    for (let port = 1_000; port < 1_200; port++) pairs.openBoth(port);
    for (let port = 1_050; port < 1_080; port++) pairs.leave(port);
    for (let port = 1_100; port < 1_120; port++) pairs.close(port);
    for (let port = 1_200; port < 1_210; port++) pairs.open(port);
    await start(pairs);
    for (const filter of filters)
      expect((await pairs.search(filter)).toSorted()).toEqual([...pairs.selected(filter)].toSorted());
    // Those that left are stubs, under two keys each.
    expect(pairs.thread).toMatchObject({ looked: filters.length * (210 + 30), failures: 0 });
    expect(pairs.thread.found).toBeGreaterThan(200);
    expect(failures).toEqual([]);
  });

  test('is not asked about all that there is', async () => {
    const pairs = pairsWith(programs[0]);
    pairs.openBoth(1_000);
    await start(pairs);
    expect(await pairs.search('')).toHaveLength(1);
    expect(pairs.thread.looked).toBe(0);
  });
});

const port = fc.integer({ min: 1_000, max: 4_999 });
const change = fc.record({
  kind: fc.constantFrom('open', 'open', 'openBoth', 'close', 'close', 'leave', 'pass'),
  port,
});
type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never;

function apply(pairs: SievedPairs, { kind, port: of }: Change): void {
  // So much that what is over is forgotten, and its row is another's.
  if (kind === 'pass') pairs.fleet.pass(of % 50 === 0 ? 20 * 60_000 : 10);
  else pairs[kind as 'open' | 'openBoth' | 'close' | 'leave'](of);
}

describe('a writer beside it', () => {
  test('what is there all the while is found once, and nothing that began meanwhile', async () => {
    const pairs = pairsWith(programs[0]);
    for (let each = 1_000; each < 5_000; each += 2) pairs.openBoth(each);
    await start(pairs);
    let [met, stayed] = [0, 0];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...servedPorts),
        fc.array(change, { minLength: 300, maxLength: 600 }),
        async (served, changes) => {
          const q = `:${served}`;
          const [atFirst, before] = [pairs.selected(q), pairs.ids];
          const meanwhile = (): void => {
            for (const each of changes.splice(0, 100)) apply(pairs, each);
          };
          const found = await pairs.search(q, meanwhile);
          const atLast = pairs.selected(q);
          expect(new Set(found).size).toBe(found.length);
          expect(found.filter((id) => !before.has(id))).toEqual([]);
          const allTheWhile = [...atFirst].filter((id) => atLast.has(id));
          expect(allTheWhile.filter((id) => !found.includes(id))).toEqual([]);
          met += found.length;
          stayed += allTheWhile.length;
        },
      ),
      { numRuns: Number(process.env['RUNS'] ?? 10) },
    );
    expect(met).toBeGreaterThanOrEqual(stayed);
    expect(stayed).toBeGreaterThan(1_000);
    expect(pairs.thread.looked).toBeGreaterThan(5_000);
    expect(pairs.thread.failures).toBe(0);
  });
});

describe('a thread that fails', () => {
  test('is started a few times, and questions go on without it', async () => {
    const pairs = pairsWith(textOf("throw new Error('no room')"));
    pairs.openBoth(1_002);
    for (let times = 1; times <= startsMax + 1; times++) {
      expect(await pairs.search(':80')).toHaveLength(1);
      const expected = Math.min(times, startsMax);
      await until(`it failed ${expected} times`, () => pairs.thread.failures === expected);
    }
    expect(failures).toEqual(Array(startsMax).fill('no room'));
    expect(pairs.thread.looked).toBe(0);
  });

  test('leaves the question that waits for it to be answered without', async () => {
    const dying =
      "parentPort.on('message', () => process.exit(7)); parentPort.postMessage({ kind: 'ready', protocol: 1 });";
    const pairs = pairsWith(textOf(dying));
    for (let each = 1_000; each < 1_030; each++) pairs.openBoth(each);
    await start(pairs);
    expect((await pairs.search(':80')).toSorted()).toEqual([...pairs.selected(':80')].toSorted());
    expect(failures).toEqual(['it ended with 7']);
  });

  test('is not asked on by questions of the one before it', async () => {
    const forgetful = `
      const known = new Set();
      parentPort.on('message', ({ kind, question, from }) => {
        if (kind === 'begin') known.add(question);
        else if (kind === 'go on' && !known.has(question)) throw new Error('unheard of');
        parentPort.postMessage({ kind: 'found', question, to: from - 1, rows: new Int32Array(0) });
        if (question === 1) setImmediate(() => process.exit(7));
      });
      parentPort.postMessage({ kind: 'ready', protocol: 1 });`;
    const { thread } = pairsWith(textOf(forgetful));
    const plan: SievePlan = { of: 'connection', test: { kind: 'all' }, isForeign: null };
    const started = async (): Promise<void> => {
      expect(thread.search(plan, 9)).toBeNull();
      await until('the thread is ready', () => thread.isReady);
    };
    await started();
    const blocks = thread.search(plan, 9)!;
    await until('it failed', () => thread.failures === 1);
    await started();
    expect(await blocks.next()).toEqual({ kind: 'found', question: 1, to: 8, rows: new Int32Array(0) });
    expect(await blocks.next()).toBeNull();
    expect(await thread.search(plan, 9)!.next()).toMatchObject({ to: 8 });
    expect([thread.failures, failures]).toEqual([1, ['it ended with 7']]);
  });

  test('is not asked when its program is of another version', async () => {
    const pairs = pairsWith(textOf("parentPort.postMessage({ kind: 'ready', protocol: 0 });"));
    pairs.openBoth(1_002);
    expect(await pairs.search(':80')).toHaveLength(1);
    await until('it was refused', () => pairs.thread.failures === 1);
    expect(failures).toEqual(['its program is of another version than this process']);
    expect(pairs.thread.isReady).toBe(false);
  });

  test('is closed while a question waits for it, which goes on without', async () => {
    const mute =
      "parentPort.on('message', () => {}); parentPort.postMessage({ kind: 'ready', protocol: 1 });";
    const pairs = pairsWith(textOf(mute));
    for (let each = 1_000; each < 1_030; each++) pairs.openBoth(each);
    await start(pairs);
    const answer = pairs.search(':80');
    await pairs.thread.close();
    expect((await answer).toSorted()).toEqual([...pairs.selected(':80')].toSorted());
    expect(await pairs.search(':81')).toHaveLength(10);
    expect([pairs.thread.failures, failures]).toEqual([0, []]);
  });
});
