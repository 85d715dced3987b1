/** What the databases of the engine's benchmark print, and the rows that they load. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { halfStream } from '../../bench/support/half-stream.ts';
import { writeHalfRows } from '../../bench/support/sql/half-rows.ts';
import { tickStreams } from '../../bench/support/sql/join-run.ts';
import { parseAnswer } from '../../bench/support/sql/postgres-peer.ts';
import { parseTimedAnswer } from '../../bench/support/sql/sqlite-peer.ts';

test('PostgreSQL: the CPU of its process between two looks each, whatever the process is called', () => {
  const stat = (user: number, system: number): string =>
    `4711 (post) gres 7) R 1 1 1 0 -1 4194304 900 0 0 0 ${user} ${system} 5 6 20 0 1`;
  const looks = [stat(20, 10), stat(110, 30), stat(120, 30), stat(1490, 60)];
  expect(parseAnswer(`${looks.join('\n\n')}\n\n5000000\n`)).toEqual({
    loadMs: 1_100,
    joinMs: 14_000,
    matched: 5_000_000,
  });
});

test('SQLite: the CPU of all statements, and the answer', () => {
  const text = [
    'Run Time: real 3.010 user 2.500000 sys 0.500000',
    'Run Time: real 20.010 user 18.500000 sys 0.250000',
    'Run Time: real 31.000 user 29.750000 sys 0.500000',
    '5000000',
    '',
  ].join('\n');
  expect(parseTimedAnswer(text)).toEqual({ loadMs: 3_000, joinMs: 49_000, matched: 5_000_000 });
});

test('each half is a row, and each row has one that is its mirror', () => {
  const folder = mkdtempSync(join(tmpdir(), 'whotalks-test-'));
  try {
    const path = join(folder, 'rows');
    writeHalfRows(halfStream(3000), path);
    const rows = readFileSync(path, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(rows).toHaveLength(3000);
    const tuples = new Set(rows.map(([, , ...tuple]) => tuple.join()));
    expect(tuples.size).toBe(3000);
    for (const [, , local, remote, localPort, remotePort] of rows)
      expect(tuples).toContain([remote, local, remotePort, localPort].join());
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('one connection in fifty goes, both ends of it, and as many come', () => {
  const { standing, going, coming } = tickStreams(3000);
  const keys = ({ halves }: typeof standing): string[] =>
    Array.from(halves.slot, (slot, i) => `${halves.holder[i]} ${slot}`);
  const ends = ({ halves }: typeof standing): number[] => [...halves.rows].sort((a, b) => a - b);
  expect([standing, going, coming].map(({ halves }) => halves.slot.length)).toEqual([3000, 60, 60]);
  const standingKeys = new Set(keys(standing));
  expect(keys(coming).filter((key) => standingKeys.has(key))).toEqual([]);
  expect(keys(going).filter((key) => !standingKeys.has(key))).toEqual([]);
  for (const stream of [standing, going, coming]) {
    const connections = ends(stream);
    expect(connections.filter((connection, i) => connections[i ^ 1] !== connection)).toEqual([]);
  }
});
