/**
 * SQLite in memory, by its shell. It takes the rows in from a database of its own in a file, which has them as it stores them;
 * what it needs for the join is an index over the tuple, which is part of the work.
 */
import { execFileSync } from 'node:child_process';
import type { JoinRun } from './join-run.ts';
import { columnTypes, countPairs, joinAll } from './joins.ts';

const program = 'sqlite3';

export function isSqliteInstalled(): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** @param rows a file of half-rows.ts, beside which there is room for another */
export function runSqlitePeer(rows: string): JoinRun {
  const script = `
attach '${rows}.sqlite' as source;
create table source.told(${columnTypes});
.mode tabs
.import --schema source ${rows} told
create table halves(${columnTypes});
.timer on
insert into halves select * from source.told;
create index tuple on halves(local, remote, lport, rport, host);
${joinAll};
.timer off
${countPairs};
`;
  return parseTimedAnswer(execFileSync(program, [':memory:'], { input: script, encoding: 'utf8' }));
}

/** @param text a line of the shell's timer for each statement, the loading first: `Run Time: real 1.5 user 1.25 sys 0.25`; then the answer */
export function parseTimedAnswer(text: string): JoinRun {
  const times: number[] = [];
  let matched = 0;
  for (const line of text.split('\n')) {
    const time = /^Run Time: real \S+ user (\S+) sys (\S+)$/.exec(line);
    if (time !== null) times.push(1000 * (Number(time[1]) + Number(time[2])));
    else if (line !== '') matched = Number(line);
  }
  const [loadMs = 0, ...joining] = times;
  return { loadMs, joinMs: joining.reduce((sum, ms) => sum + ms, 0), matched };
}
