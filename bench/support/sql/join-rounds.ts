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
  readonly postgres: JoinRun | NotMeasured;
  readonly sqlite: JoinRun | NotMeasured;
}

/** Why there is no run. */
interface NotMeasured {
  readonly why: string;
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
    console.log('sql: PostgreSQL');
    const bin = postgresFolder();
    const postgres = await orWhy(bin !== null, () => runPostgresPeer(bin!, folder, rows));
    console.log('sql: SQLite');
    return { postgres, sqlite: await orWhy(isSqliteInstalled(), () => runSqlitePeer(rows)) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One database that fails leaves the others their figures. */
async function orWhy(
  isInstalled: boolean,
  measure: () => JoinRun | Promise<JoinRun>,
): Promise<JoinRun | NotMeasured> {
  if (!isInstalled) return { why: 'not installed' };
  try {
    return await measure();
  } catch (error) {
    console.error(`sql: ${error instanceof Error ? error.message : String(error)}`);
    return { why: 'it failed' };
  }
}

function check({ core, duckdb, postgres, sqlite }: Peers, halves: number): void {
  const connections = halves / 2;
  const matched = [...core, ...duckdb, ...runsOf(postgres), ...runsOf(sqlite)].map((run) => run.matched);
  if (matched.some((count) => count !== connections))
    throw new Error(`not all halves were matched: ${matched.join(', ')} of ${connections}`);
  const ticks = [...core, ...duckdb].map(({ tickMatched }) => tickMatched);
  if (ticks.some((count) => count !== connections)) throw new Error(`the ticks differ: ${ticks.join(', ')}`);
}

/** What stands beside a peer's runs: what the core took, and why there are none. */
interface Beside {
  readonly coreMs: (run: TickRun) => number;
  readonly why: string;
}

function runsOf(run: JoinRun | NotMeasured): JoinRun[] {
  return 'why' in run ? [] : [run];
}

function whyNot(run: JoinRun | NotMeasured): string {
  return 'why' in run ? run.why : '';
}

function figuresOf({ core, duckdb, postgres, sqlite }: Peers): EngineFigure[] {
  const against = <Run extends JoinRun>(
    what: string,
    goal: Goal,
    runs: readonly Run[],
    ms: (run: Run) => number,
    { coreMs = wholeMs, why = 'not installed' }: Partial<Beside> = {},
  ): EngineFigure => ({
    what,
    goal,
    // The core's round beside each of the peer's; who is asked once has the median of them beside it.
    ratios: runs.map((run, i) => ms(run) / (runs.length > 1 ? coreMs(core[i]!) : median(core.map(coreMs)))),
    values:
      runs.length === 0
        ? why
        : `${median(runs.map(ms)).toFixed(0)} / ${median(core.map(coreMs)).toFixed(0)} ms`,
  });
  const databases = [
    ['DuckDB', '>= 1.5', duckdb, 'not installed'],
    ['PostgreSQL', '>= 15', runsOf(postgres), whyNot(postgres)],
    ['SQLite', '>= 50', runsOf(sqlite), whyNot(sqlite)],
  ] as const;
  const tickMs = (run: TickRun): number => run.tickMs;
  const ofTick = { coreMs: tickMs };
  return [
    ...databases.map(([name, goal, runs, why]) =>
      against(`all halves taken in and matched: ${name}, in times of the core`, goal, runs, wholeMs, { why }),
    ),
    ...databases.map(([name, , runs, why]) =>
      against(
        `the join of ${name} alone, over rows that it has, in times of taking them in and matching them`,
        '',
        runs,
        ({ joinMs }) => joinMs,
        { why },
      ),
    ),
    against('the same where DuckDB only counts what it finds', '', duckdb, ({ countMs }) => countMs),
    against(
      '2 % of them replaced: DuckDB by what that changes, in times of the core with directions, edges and what it forgets',
      '>= 20',
      duckdb,
      tickMs,
      ofTick,
    ),
    against('the same where DuckDB joins anew', '', duckdb, ({ anewMs }) => anewMs, ofTick),
  ];
}

/** From rows outside to connections. */
function wholeMs({ loadMs, joinMs }: JoinRun): number {
  return loadMs + joinMs;
}
