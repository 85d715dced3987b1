/**
 * Claims about the correlation engine: it opens and matches a half-connection in at most 1.3 times the time of a hash join
 * in C (2 times where that prefetches), 20 times faster and in a third of the memory of a `Map<string, object>`; a whole life
 * of a connection takes at most 1 us and 100 bytes; growing never pauses for 2 ms.
 *
 *     npm run bench engine -- [--halves N] [--rounds N] [--write]
 *
 * One million halves is a quick look; the claims are about ten (`--halves 10000000`, some 4 GiB and some minutes). Each peer
 * runs in a process of its own over the same halves in the same order, in turns. Not equal terms: the join in C knows no
 * births, slots or limits, and its table has its final size from the start; the Map keeps its objects and no more.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compileJoin, type JoinRun, runJoin } from './support/c-join.ts';
import { type CoreRun, runCore } from './support/core-run.ts';
import { type EngineFigure, enginePage, engineTable } from './support/engine-page.ts';
import { type LifeRun, runLives } from './support/life-run.ts';
import { type MapRun, runMap } from './support/map-run.ts';
import { median, printMachine } from './support/report.ts';

const self = fileURLToPath(import.meta.url);
/** bench/ is compiled into dist/bench. */
const page = join(import.meta.dirname, '../../docs/benchmarks-engine.md');

interface Round {
  readonly core: CoreRun;
  readonly lives: LifeRun;
  readonly map: MapRun;
  /** null where there is no C compiler. */
  readonly plain: JoinRun | null;
  readonly prefetching: JoinRun | null;
}

/** Runs one peer in a process of its own. */
function inProcess<Result>(role: string, ...args: readonly string[]): Result {
  const node = ['--expose-gc', '--max-old-space-size=10240'];
  const text = execFileSync(process.execPath, [...node, self, role, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(text) as Result;
}

function runRole(role: string, halves: number, columnsFile: string | undefined): unknown {
  if (role === 'core') return runCore(halves, columnsFile ?? null);
  if (role === 'lives') return runLives(halves);
  return runMap(halves, () => global.gc?.());
}

function measure(halves: string, rounds: number): Round[] {
  const folder = mkdtempSync(join(tmpdir(), 'whotalks-bench-'));
  try {
    const columns = join(folder, 'columns');
    const program = compileJoin(folder);
    if (program === null) console.log('no C compiler (cc): the hash join in C is left out');
    return Array.from({ length: rounds }, (_, round) => {
      console.log(`round ${round + 1} of ${rounds}`);
      const core = inProcess<CoreRun>('core', halves, columns);
      return {
        core,
        plain: program === null ? null : runJoin(program, columns, false),
        prefetching: program === null ? null : runJoin(program, columns, true),
        lives: inProcess<LifeRun>('lives', halves),
        map: inProcess<MapRun>('map', halves),
      };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function figuresOf(rounds: readonly Round[]): EngineFigure[] {
  const of = (value: (round: Round) => number): number[] => rounds.map(value);
  const ns = (value: (round: Round) => number): string => `${median(of(value)).toFixed(0)} ns`;
  const against = (name: string, goal: string, peer: (round: Round) => JoinRun | null): EngineFigure[] =>
    rounds.every((round) => peer(round) === null)
      ? []
      : [
          {
            what: `open/match of a half, in times of ${name}`,
            goal,
            ratios: of((round) => round.core.matchNs / peer(round)!.openNs),
            values: `${ns(({ core }) => core.matchNs)} / ${ns((round) => peer(round)!.openNs)}`,
          },
        ];
  return [
    ...against('a hash join in C', '<= 1.3', ({ plain }) => plain),
    ...against('one that prefetches', '<= 2', ({ prefetching }) => prefetching),
    {
      what: '`Map<string, object>`, in times of open/match of a half',
      goal: '>= 20',
      ratios: of(({ core, map }) => map.openNs / core.matchNs),
      values: `${ns(({ map }) => map.openNs)} / ${ns(({ core }) => core.matchNs)}`,
    },
    {
      what: 'its memory, in times of the core with slots and edges',
      goal: '>= 3',
      ratios: of(({ core, map }) => map.bytesPerConnection / core.bytesPerConnection),
      values: `${median(of(({ map }) => map.bytesPerConnection)).toFixed(0)} B / ${median(of(({ core }) => core.bytesPerConnection)).toFixed(0)} B per connection`,
    },
    {
      what: 'bytes per live connection',
      goal: '<= 100',
      ratios: of(({ lives }) => lives.bytesPerConnection),
      values: 'rows, index, queues, slots, edges',
    },
    {
      what: 'life of a connection, us: decode, 2 opens, edge, 2 counts, 2 closes, forget',
      goal: '<= 1',
      ratios: of(({ lives }) => lives.lifeNs / 1000),
      values: `open ${ns(({ lives }) => lives.openNs)}, count ${ns(({ lives }) => lives.countNs)}, close ${ns(({ lives }) => lives.closeNs)}, forget ${ns(({ lives }) => lives.forgetNs)}`,
    },
    {
      what: 'longest block of 256 halves while growing from nothing, ms',
      goal: '< 2',
      ratios: of(({ core }) => core.longestMs),
      values: `Map: ${median(of(({ map }) => map.longestMs)).toFixed(0)} ms`,
    },
    {
      what: 'the same with direction and edge, ns per half',
      goal: '',
      ratios: of(({ core }) => core.openNs),
      values: `growing from nothing ${ns(({ core }) => core.growNs)}, close ${ns(({ core }) => core.closeNs)}, forget ${ns(({ core }) => core.expireNs)} per connection`,
    },
  ];
}

function check(rounds: readonly Round[], halves: number): void {
  for (const { core, map, plain, lives } of rounds) {
    const matched = [core.matched, map.matched, plain?.matched ?? core.matched];
    if (matched.some((count) => count !== halves / 2) || core.left + lives.left > 0)
      throw new Error(
        `not all halves were matched: ${matched.join(', ')} of ${halves / 2}, ${core.left} left`,
      );
  }
}

function main(): void {
  const { values } = parseArgs({
    options: {
      halves: { type: 'string', default: '1000000' },
      rounds: { type: 'string', default: '3' },
      write: { type: 'boolean', default: false },
    },
  });
  printMachine({});
  const rounds = measure(values.halves, Number(values.rounds));
  check(rounds, Number(values.halves));
  const figures = figuresOf(rounds);
  for (const line of engineTable({ figures })) console.log(line);
  if (!values.write) return;
  const measured = { halves: Number(values.halves), rounds: rounds.length, figures, notes: [] };
  writeFileSync(page, enginePage(measured, {}));
}

const [role, halves, columnsFile] = process.argv.slice(2);
if (role === 'core' || role === 'lives' || role === 'map') {
  console.log(JSON.stringify(runRole(role, Number(halves), columnsFile)));
} else main();
