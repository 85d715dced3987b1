/**
 * PostgreSQL with a cluster of its own in a temporary folder, heard on a socket there and nowhere else. It has memory for
 * the whole join, and no other plan but a hash join, which is its cheapest here. It takes the rows in from a file in its own
 * binary format, which it has written before. What its process took it reads itself.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JoinRun } from './join-run.ts';
import { columnTypes, countPairs, joinAllUnlogged } from './joins.ts';

/** Where Debian has each version. */
const versionsFolder = '/usr/lib/postgresql';

/** For the join, the sort of nothing, and all rows. */
const settings = [
  'listen_addresses=',
  'fsync=off',
  'autovacuum=off',
  'shared_buffers=1GB',
  'work_mem=4GB',
  'max_wal_size=8GB',
  'max_parallel_workers_per_gather=0',
  'enable_mergejoin=off',
  'enable_nestloop=off',
] as const;

const startPatienceMs = 30_000;

/** The programs of the latest version; null where it is not installed. */
export function postgresFolder(): string | null {
  if (!existsSync(versionsFolder)) return null;
  const versions = readdirSync(versionsFolder).sort((a, b) => Number(b) - Number(a));
  return (
    versions
      .map((version) => join(versionsFolder, version, 'bin'))
      .find((bin) => existsSync(join(bin, 'initdb'))) ?? null
  );
}

/** @param rows a file of half-rows.ts in `folder`, which is its own */
export async function runPostgresPeer(bin: string, folder: string, rows: string): Promise<JoinRun> {
  const user = userToRunAs();
  const cluster = join(folder, 'postgres');
  mkdirSync(cluster);
  if (user !== null) {
    chmodSync(folder, 0o755);
    chownSync(cluster, user.uid, user.gid);
  }
  const as = user === null ? {} : user;
  execFileSync(join(bin, 'initdb'), ['-D', cluster, '-A', 'trust', '-U', 'bench', '--no-sync'], {
    ...as,
    cwd: cluster,
    // What it complains of becomes a part of the error.
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const options = settings.flatMap((setting) => ['-c', setting]);
  const server = spawn(join(bin, 'postgres'), ['-D', cluster, '-k', cluster, ...options], {
    ...as,
    cwd: cluster,
    stdio: 'ignore',
  });
  const ended = once(server, 'exit');
  try {
    const psql = (script: string): string =>
      execFileSync(
        join(bin, 'psql'),
        ['-h', cluster, '-U', 'bench', '-d', 'postgres', '-qAt', '-v', 'ON_ERROR_STOP=1'],
        {
          input: script,
          encoding: 'utf8',
          stdio: ['pipe', 'pipe', 'pipe'],
        },
      );
    await answering(psql);
    return parseAnswer(psql(scriptOf(rows)));
  } finally {
    // SIGINT: at once, whoever is connected.
    server.kill('SIGINT');
    await ended;
  }
}

/** The server refuses to run as root. */
function userToRunAs(): { uid: number; gid: number } | null {
  if (process.getuid!() !== 0) return null;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function answering(psql: (script: string) => string): Promise<void> {
  const deadline = performance.now() + startPatienceMs;
  for (;;) {
    try {
      psql('select 1');
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(100);
    }
  }
}

/** Prints proc_pid_stat(5) of its own process before the rows are taken in, before the join and after it, and the answer. */
function scriptOf(rows: string): string {
  const ownStat = `select pg_read_file('/proc/self/stat');`;
  const binary = `${rows}.binary`;
  return `
    create unlogged table source(${columnTypes});
    \\copy source from '${rows}'
    \\copy source to '${binary}' (format binary)
    drop table source;
    ${ownStat}
    begin;
    create unlogged table halves(${columnTypes});
    copy halves from '${binary}' (format binary, freeze);
    commit;
    ${ownStat}
    vacuum analyze halves;
    ${ownStat}
    ${joinAllUnlogged};
    ${ownStat}
    ${countPairs};
  `;
}

/** USER_HZ. */
const ticksPerSecond = 100;

/** @param text what the script printed */
export function parseAnswer(text: string): JoinRun {
  const [begun, loaded, before, after, answer] = text.split('\n').filter((line) => line !== '') as [
    string,
    string,
    string,
    string,
    string,
  ];
  const msBetween = (from: string, to: string): number =>
    ((cpuTicks(to) - cpuTicks(from)) / ticksPerSecond) * 1000;
  return { loadMs: msBetween(begun, loaded), joinMs: msBetween(before, after), matched: Number(answer) };
}

/** Fields 14 and 15 of proc_pid_stat(5): user and system. */
function cpuTicks(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
