/** The census that is kept from scan to scan, on a /proc made by hand. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  clockBelievedFromMs,
  folderBelievedMs,
  type RollCall,
  Roster,
} from '../../../agent/collect/roster.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';
import { refreshIntervalMaxMs } from '../../../agent/resolve/refresh.ts';
import { ProcTree } from './proc-tree.ts';

let proc: ProcTree;
let roster: Roster;
let nowMs: number;

beforeEach(() => {
  proc = new ProcTree();
  proc.add({ pid: 1, fds: { 0: '/dev/null' } });
  proc.add({ pid: 2, comm: 'web', fds: { 3: 'socket:[7]' } });
  roster = new Roster(proc.root);
  nowMs = 1000;
});
afterEach(() => proc.remove());

function call(afterMs = 1000): Promise<RollCall> {
  nowMs += afterMs;
  return roster.call(nowMs, new TimeSlice());
}

const pids = (residents: RollCall['residents']): number[] => residents.map(({ pid }) => pid);

describe('the roster', () => {
  it('keeps a resident for as long as its process lives', async () => {
    const first = await call();
    const second = await call();
    expect(pids(first.residents)).toEqual([1, 2]);
    expect(second.residents.every((resident, i) => resident === first.residents[i])).toBe(true);
    proc.exit(2);
    const third = await call();
    expect(pids(third.residents)).toEqual([1]);
    expect(third.departed).toEqual([first.residents[1]]);
    expect((await call()).departed).toEqual([]);
  });

  it('tells a pid that is used again', async () => {
    const [, before] = (await call()).residents;
    proc.exit(2);
    proc.add({ pid: 2, startTicks: 11, fds: { 3: 'socket:[7]' } });
    const { residents, departed } = await call();
    expect(departed).toEqual([before]);
    expect(residents[1]).not.toBe(before);
    expect(residents[1]!.walkedFdCount).toBe(-1);
  });

  it('hears of an exec or another namespace when what it knows gets old', async () => {
    const [, resident] = (await call()).residents;
    await call();
    // Known for a second, it is believed for a second.
    proc.writeStat({ pid: 2, comm: 'sh' });
    proc.moveTo(2, 4026532000);
    await call(500);
    expect(resident).toMatchObject({ netns: 4026531840, stat: { comm: 'web' } });
    await call(500);
    expect(resident).toMatchObject({ netns: 4026532000, stat: { comm: 'sh' } });
    proc.writeStat({ pid: 2, comm: 'old' });
    await call(refreshIntervalMaxMs);
    expect(resident!.stat.comm).toBe('old');
  });

  describe('looks at the folder of a process', () => {
    let ranNs: number | null;

    beforeEach(() => {
      ranNs = 1000;
      roster = new Roster(proc.root, { read: () => ranNs });
    });

    /** In calls that come every second, one of which showed it before. */
    async function looks(calls: number, eachCall = (): void => {}): Promise<number> {
      let [looked, folder] = [0, (await call()).residents[1]!.folder];
      for (let i = 0; i < calls; i++) {
        eachCall();
        const now = (await call()).residents[1]!.folder;
        if (now !== folder) looked++;
        folder = now;
      }
      return looked;
    }

    it('each time while it is new', async () => {
      expect(await looks(clockBelievedFromMs / 1000 - 1)).toBe(clockBelievedFromMs / 1000 - 1);
    });

    it('each time that it has run, and when its clock is not to be read', async () => {
      await looks(2 * (clockBelievedFromMs / 1000));
      expect(await looks(20, () => (ranNs = ranNs! + 1))).toBe(20);
      ranNs = null;
      expect(await looks(20)).toBe(20);
    });

    it('at times where it has not run', async () => {
      await looks(2 * (clockBelievedFromMs / 1000));
      const calls = 4 * (folderBelievedMs / 1000);
      const looked = await looks(calls);
      // And once in thirty seconds because what is known of it is old.
      expect(looked).toBeGreaterThanOrEqual(4);
      expect(looked).toBeLessThanOrEqual(5);
    });

    it('so that another one is known by its clock, or a little later', async () => {
      await looks(2 * (clockBelievedFromMs / 1000));
      const reuse = (startTicks: number): void => {
        proc.exit(2);
        proc.add({ pid: 2, startTicks, fds: { 3: 'socket:[7]' } });
      };
      const before = (await call()).residents[1];
      reuse(11);
      ranNs = 1001;
      expect((await call()).departed).toEqual([before]);
      await looks(2 * (clockBelievedFromMs / 1000));
      const second = (await call()).residents[1];
      reuse(12);
      const departed: unknown[] = [];
      for (let i = 0; i < folderBelievedMs / 1000; i++) departed.push(...(await call()).departed);
      expect(departed).toEqual([second]);
    });
  });

  it('leaves out who holds no files', async () => {
    proc.add({ pid: 3, state: 'Z' });
    for (let i = 0; i < 3; i++) expect(pids((await call()).residents)).toEqual([1, 2]);
  });

  it('goes over to a living thread when the first one exits', async () => {
    await call();
    proc.writeStat({ pid: 2, state: 'Z', threads: 2 });
    proc.add({ pid: 9, threads: 2, startTicks: 25, fds: { 3: 'socket:[7]' } }, '2/task');
    const [, resident] = (await call(refreshIntervalMaxMs)).residents;
    expect(resident!.path).toBe(join(proc.root, '2/task/9'));
  });
});
