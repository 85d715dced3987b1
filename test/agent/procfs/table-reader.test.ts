/** Whole tables, whatever their length, over one buffer. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { gone, isUnread } from '../../../agent/procfs/proc-file.ts';
import { TableReader } from '../../../agent/procfs/table-reader.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';

const folder = mkdtempSync(join(tmpdir(), 'whotalks-table-'));
afterAll(() => rmSync(folder, { recursive: true }));

it.each([0, 1, 3583, 3584, 4095, 4096, 61_440, 61_441, 65_535, 65_536, 65_537, 300_000])(
  '%d bytes',
  async (length) => {
    const path = join(folder, String(length));
    const content = Buffer.alloc(length, 'row ');
    writeFileSync(path, content);
    const read = await new TableReader().read(path, new TimeSlice());
    expect(!isUnread(read) && read.truncated).toBe(false);
    expect(!isUnread(read) && read.bytes.equals(content)).toBe(true);
  },
);

it('a long table, then a short one', async () => {
  const reader = new TableReader();
  for (const text of ['long '.repeat(40_000), 'short', '']) {
    const path = join(folder, 'table');
    writeFileSync(path, text);
    const read = await reader.read(path, new TimeSlice());
    expect(!isUnread(read) && read.bytes.toString()).toBe(text);
  }
});

it('no table', async () =>
  expect(await new TableReader().read(join(folder, 'none'), new TimeSlice())).toBe(gone));
