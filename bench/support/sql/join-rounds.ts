/**
 * Databases beside the core, asked the same of the same halves. DuckDB and the core take turns; PostgreSQL and SQLite take
 * long, and are asked once.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineFigure } from '../engine-page.ts';
import type { Goal } from '../goal.ts';
import { median } from '../report.ts';
import { inProcess } from '../roles.ts';
import { corePeerRole } from './core-peer.ts';
import { duckdbPeerRole } from './duckdb-peer.ts';
import { writeHalfRows } from './half-rows.ts';
import { type DatabaseTickRun, type JoinRun, type TickRun, tickStreams } from './join-run.ts';
import { postgresFolder, runPostgresPeer } from './postgres-peer.ts';
import { isSqliteInstalled, runSqlitePeer } from './sqlite-peer.ts';

interface Peers {
  readonly core: readonly TickRun[];
  /** As many, or none where it is not installed. */
  readonly duckdb: readonly DatabaseTickRun[];
  readonly postgres: JoinRun | null;
  readonly sqlite: JoinRun | null;
}

/** @param duckdbFolder where npm has put it; null where it could not. Throws when a peer did not match all halves. */
export async function measureJoins(
  halves: number,
  rounds: number,
  duckdbFolder: string | null,
): Promise<EngineFigure[]> {
  const core: TickRun[] = [];
  const duckdb: DatabaseTickRun[] = [];
  for (let round = 0; round < rounds; round++) {
    console.log(`sql: round ${round + 1} of ${rounds}`);
    core.push(inProcess<TickRun>(corePeerRole, String(halves)));
    if (duckdbFolder !== null)
      duckdb.push(inProcess<DatabaseTickRun>(duckdbPeerRole, duckdbFolder, String(halves)));
  }
  const peers = { core, duckdb, ...(await measureOnce(halves)) };
  check(peers, halves);
  return figuresOf(peers);
}

async function measureOnce(halves: number): Promise<Pick<Peers, 'postgres' | 'sqlite'>> {
  const folder = mkdtempSync(join(tmpdir(), 'whotalks-bench-'));
  try {
    const rows = join(folder, 'halves.tsv');
    writeHalfRows(tickStreams(halves).standing, rows);
    const bin = postgresFolder();
    console.log('sql: PostgreSQL and SQLite');
    const postgres = bin === null ? null : await runPostgresPeer(bin, folder, rows);
    return { postgres, sqlite: isSqliteInstalled() ? runSqlitePeer(rows) : null };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function check({ core, duckdb, postgres, sqlite }: Peers, halves: number): void {
  const connections = halves / 2;
  const runs = [...core, ...duckdb, postgres, sqlite].filter((run) => run !== null);
  const matched = runs.map((run) => run.matched);
  if (matched.some((count) => count !== connections))
    throw new Error(`not all halves were matched: ${matched.join(', ')} of ${connections}`);
  const ticks = [...core, ...duckdb].map(({ tickMatched }) => tickMatched);
  if (ticks.some((count) => count !== connections)) throw new Error(`the ticks differ: ${ticks.join(', ')}`);
}

function figuresOf({ core, duckdb, postgres, sqlite }: Peers): EngineFigure[] {
  const against = <Run extends JoinRun>(
    what: string,
    goal: Goal,
    runs: readonly Run[],
    ms: (run: Run) => number,
    coreMs: (run: TickRun) => number = wholeMs,
  ): EngineFigure => ({
    what,
    goal,
    // The core's round beside each of the peer's; who is asked once has the median of them beside it.
    ratios: runs.map((run, i) => ms(run) / (runs.length > 1 ? coreMs(core[i]!) : median(core.map(coreMs)))),
    values:
      runs.length === 0
        ? 'not installed'
        : `${median(runs.map(ms)).toFixed(0)} / ${median(core.map(coreMs)).toFixed(0)} ms`,
  });
  const databases = [
    ['DuckDB', '>= 1.5', duckdb],
    ['PostgreSQL', '>= 15', postgres === null ? [] : [postgres]],
    ['SQLite', '>= 50', sqlite === null ? [] : [sqlite]],
  ] as const;
  const tickMs = (run: TickRun): number => run.tickMs;
  return [
    ...databases.map(([name, goal, runs]) =>
      against(`all halves taken in and matched: ${name}, in times of the core`, goal, runs, wholeMs),
    ),
    ...databases.map(([name, , runs]) =>
      against(
        `the join of ${name} alone, over rows that it has, in times of taking them in and matching them`,
        '',
        runs,
        ({ joinMs }) => joinMs,
      ),
    ),
    against('the same where DuckDB only counts what it finds', '', duckdb, ({ countMs }) => countMs),
    against(
      '2 % of them replaced: DuckDB by what that changes, in times of the core with directions, edges and what it forgets',
      '>= 20',
      duckdb,
      tickMs,
      tickMs,
    ),
    against('the same where DuckDB joins anew', '', duckdb, ({ anewMs }) => anewMs, tickMs),
  ];
}

/** From rows outside to connections. */
function wholeMs({ loadMs, joinMs }: JoinRun): number {
  return loadMs + joinMs;
}
