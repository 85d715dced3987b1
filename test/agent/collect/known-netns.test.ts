/** Which processes are asked again for their network namespace, over folders that look like those of /proc. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KnownNetns } from '../../../agent/collect/known-netns.ts';
import type { PidStat } from '../../../agent/procfs/pid-stat.ts';
import { gone } from '../../../agent/procfs/proc-file.ts';

describe('the namespace of a process', () => {
  let folder = '';
  const known = { stat: {} as PidStat, netns: new KnownNetns() };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'whotalks-netns-'));
    mkdirSync(join(folder, 'ns'));
    known.netns = new KnownNetns();
    known.stat = { startTicks: 5, comm: 'sh' } as PidStat;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function moveTo(inode: number): void {
    rmSync(join(folder, 'ns/net'), { force: true });
    symlinkSync(`net:[${inode}]`, join(folder, 'ns/net'));
  }

  const read = (nowMs: number, more: Partial<PidStat> = {}) =>
    known.netns.read(7, folder, { ...known.stat, ...more }, nowMs);

  /** Known for 1000 ms, and so believed for as long. */
  function makeKnown(): void {
    moveTo(100);
    expect(read(0)).toBe(100);
    expect(read(1000)).toBe(100);
    known.netns.expire();
    moveTo(200);
  }

  it('is believed for as long as it was known', () => {
    makeKnown();
    expect(read(1999)).toBe(100);
    expect(read(2000)).toBe(200);
    // Another namespace is news, which may soon be followed by more.
    moveTo(300);
    expect(read(2001)).toBe(300);
  });

  it.each([
    ['another process under its pid', { startTicks: 6 }],
    ['an exec', { comm: 'node' }],
  ])('is read again after %s', (_, more) => {
    makeKnown();
    expect(read(1001, more)).toBe(200);
  });

  it('is forgotten with the process', () => {
    makeKnown();
    known.netns.expire();
    known.netns.expire();
    expect(read(1001)).toBe(200);
  });

  it('is gone with its folder', () => {
    expect(read(0)).toBe(gone);
  });
});
