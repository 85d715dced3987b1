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
  const against = (name: string, goal: Goal, runs: readonly JoinRun[]): EngineFigure => ({
    what: `all halves from nothing: ${name}, in times of the core`,
    goal,
    // The core's rounds beside each of the peer's.
    ratios: runs.map(
      ({ joinMs }, i) => joinMs / (runs.length > 1 ? core[i]!.joinMs : medianOf(core, 'joinMs')),
    ),
    values: valuesOf(runs, core, 'joinMs'),
  });
  return [
    against('DuckDB', '>= 1.5', duckdb),
    {
      what: 'the same where DuckDB only counts them',
      goal: '',
      ratios: duckdb.map(({ countMs }, i) => countMs / core[i]!.joinMs),
      values: valuesOf(
        duckdb.map(({ countMs }) => ({ joinMs: countMs })),
        core,
        'joinMs',
      ),
    },
    against('PostgreSQL', '>= 15', postgres === null ? [] : [postgres]),
    against('SQLite', '>= 50', sqlite === null ? [] : [sqlite]),
    {
      what: '2 % of them replaced: DuckDB, in times of the core with directions, edges and what it forgets',
      goal: '>= 20',
      ratios: duckdb.map(({ tickMs }, i) => tickMs / core[i]!.tickMs),
      values: valuesOf(duckdb, core, 'tickMs'),
    },
  ];
}

function valuesOf<Time extends 'joinMs' | 'tickMs', Run extends Record<Time, number>>(
  peer: readonly Run[],
  core: readonly Record<Time, number>[],
  time: Time,
): string {
  if (peer.length === 0) return 'not installed';
  return `${medianOf(peer, time).toFixed(0)} / ${medianOf(core, time).toFixed(0)} ms`;
}

function medianOf<Time extends string>(runs: readonly Readonly<Record<Time, number>>[], time: Time): number {
  return median(runs.map((run) => run[time]));
}
