/** SQLite in memory, by its shell: what it needs for the join is an index over the tuple, which is part of the work. */
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

/** @param rows a file of half-rows.ts */
export function runSqlitePeer(rows: string): JoinRun {
  const script = `
create table halves(${columnTypes});
.mode tabs
.import ${rows} halves
.timer on
create index tuple on halves(local, remote, lport, rport, host);
${joinAll};
.timer off
${countPairs};
`;
  return parseTimedAnswer(execFileSync(program, [':memory:'], { input: script, encoding: 'utf8' }));
}

/** @param text the answer, and a line of the shell's timer for each statement: `Run Time: real 1.5 user 1.25 sys 0.25` */
export function parseTimedAnswer(text: string): JoinRun {
  let joinMs = 0;
  let matched = 0;
  for (const line of text.split('\n')) {
    const time = /^Run Time: real \S+ user (\S+) sys (\S+)$/.exec(line);
    if (time !== null) joinMs += 1000 * (Number(time[1]) + Number(time[2]));
    else if (line !== '') matched = Number(line);
  }
  return { joinMs, matched };
}
