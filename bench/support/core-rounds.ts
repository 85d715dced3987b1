/** The core beside its peers over the same halves, each in a process of its own, in turns: what halves, lives and growth cost. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileJoin, type JoinRun, runJoin } from './c-join.ts';
import { type CoreRun, runCore } from './core-run.ts';
import type { EngineFigure } from './engine-page.ts';
import type { Goal } from './goal.ts';
import { type LifeRun, runLives } from './life-run.ts';
import { type MapRun, runMap } from './map-run.ts';
import { median } from './report.ts';
import { inProcess } from './roles.ts';

interface Round {
  readonly core: CoreRun;
  readonly lives: LifeRun;
  readonly map: MapRun;
  /** null where there is no C compiler. */
  readonly plain: JoinRun | null;
  readonly prefetching: JoinRun | null;
}

/** The words that make the bench's program run as one of the peers; `halves` and, for the core, a file for its columns follow. */
export const coreRoles = ['core', 'lives', 'map'] as const;
export type CoreRole = (typeof coreRoles)[number];

export function runCoreRole(role: CoreRole, halves: number, columnsFile: string | undefined): unknown {
  if (role === 'core') return runCore(halves, columnsFile ?? null);
  if (role === 'lives') return runLives(halves);
  return runMap(halves, () => global.gc?.());
}

/** Throws when a peer did not match all halves. */
export function measureCore(halves: number, rounds: number): EngineFigure[] {
  const measured = measure(String(halves), rounds);
  check(measured, halves);
  return figuresOf(measured);
}

function measure(halves: string, rounds: number): Round[] {
  const folder = mkdtempSync(join(tmpdir(), 'whotalks-bench-'));
  try {
    const columns = join(folder, 'columns');
    const program = compileJoin(folder);
    if (program === null) console.log('no C compiler (cc): the hash join in C is left out');
    return Array.from({ length: rounds }, (_, round) => {
      console.log(`core: round ${round + 1} of ${rounds}`);
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
  const against = (name: string, goal: Goal, peer: (round: Round) => JoinRun | null): EngineFigure[] =>
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
