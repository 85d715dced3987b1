/** Names of processes, of a /proc made by hand and of a real one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readPidComm } from '../../../agent/procfs/pid-comm.ts';
import { readPidStat } from '../../../agent/procfs/pid-stat.ts';
import { gone } from '../../../agent/procfs/proc-file.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'comm-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it.each([
  ['web\n', 'web'],
  ['a) b\n', 'a) b'],
  ['two\nlines\n\n', 'two\nlines\n'],
  ['\n', ''],
])('%j is the name %j', (text, name) => {
  writeFileSync(join(folder, 'comm'), text);
  expect(readPidComm(folder)).toBe(name);
});

it('is that of stat', () => {
  expect(readPidStat('/proc/1')).toMatchObject({ comm: readPidComm('/proc/1') });
});

it('is nobody’s where there is no process', () => {
  expect(readPidComm('/proc/0')).toBe(gone);
});
