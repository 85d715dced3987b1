/** An end that comes out of the spool is known as that of a socket that vanished, also when a later run tells it. */
import { expect, test } from 'vitest';
import type { ReportedSocket } from '../../../aggregator/correlate/report.ts';
import type { OpenedRow } from '../../../aggregator/ingest/opened-row.ts';
import { Vanished } from '../../../aggregator/ingest/vanished.ts';

function rowOf(port: number, change: Partial<OpenedRow> = {}): OpenedRow {
  return {
    protocol: 'tcp',
    state: 'established',
    netns: 1,
    local: { ip: '10.0.0.1', port: 80 },
    remote: { ip: '10.0.0.2', port },
    inode: port,
    notBeforeMs: 0,
    closedAtMs: null,
    ...change,
  } as OpenedRow;
}

function gone(port: number): { socket: ReportedSocket } {
  return { socket: rowOf(port) as unknown as ReportedSocket };
}

const ended = { inode: 0, closedAtMs: 900 };

test('each is known once, and after another run that found others gone', () => {
  const vanished = new Vanished();
  vanished.add([gone(1), gone(2)], 1000);
  vanished.add([gone(3)], 2000);
  expect([1, 2, 3].map((port) => vanished.take(rowOf(port, ended)))).toEqual([true, true, true]);
  expect(vanished.take(rowOf(1, ended))).toBe(false);
});

test('who was there later than that, or was seen to begin, is another one', () => {
  const vanished = new Vanished();
  vanished.add([gone(1), gone(2)], 1000);
  expect(vanished.take(rowOf(1, { ...ended, closedAtMs: 1001 }))).toBe(false);
  expect(vanished.take(rowOf(2, { ...ended, notBeforeMs: 5 }))).toBe(false);
});

test('after a reboot nothing of before is told', () => {
  const vanished = new Vanished();
  vanished.add([gone(1)], 1000);
  vanished.clear();
  expect(vanished.take(rowOf(1, ended))).toBe(false);
});
