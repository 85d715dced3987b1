/** What is read of a process that changed, and what is made of it; its fds are told by hand. */
import { describe, expect, it } from 'vitest';
import {
  othersReadMax,
  readChangedFds,
  recallFds,
  type Standing,
} from '../../../agent/collect/changed-fds.ts';
import type { FdFolder } from '../../../agent/procfs/fd-folder.ts';
import { closedFd, unknownFile } from '../../../agent/procfs/libc-fd-reader.ts';
import type { SocketFds } from '../../../agent/procfs/pid-fd.ts';
import { gone } from '../../../agent/procfs/proc-file.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';
import { fc } from '../../support/random-cases.ts';

const folder = (fdCount: number): FdFolder => ({ inode: 7, madeAtMs: 5, fdCount });

/** A process as it is now: inodes by fd. */
class Process {
  readonly #open: ReadonlyMap<number, number>;
  readonly #folder: FdFolder;
  /** As asked for. */
  asked: readonly number[] | null = null;

  constructor(open: ReadonlyMap<number, number>, its: FdFolder = folder(open.size)) {
    this.#open = open;
    this.#folder = its;
  }

  async readSome(_path: string, fds: readonly number[], guesses: Iterable<number>, openCount: number) {
    this.asked = fds;
    const inodes = fds.map((fd) => this.#open.get(fd) ?? closedFd);
    let missing = openCount - inodes.filter((inode) => inode !== closedFd).length;
    const further: SocketFds = { fds: [], inodes: [] };
    if (missing <= 0) return { folder: this.#folder, inodes, further };
    for (const fd of guesses) {
      const inode = this.#open.get(fd);
      if (inode === undefined) {
        // Beyond the last one there are none.
        if (fd > Math.max(...this.#open.keys())) break;
        continue;
      }
      further.fds.push(fd);
      further.inodes.push(inode);
      if (--missing === 0) break;
    }
    return { folder: this.#folder, inodes, further };
  }

  /** What is found of it by somebody who knew what it held before. */
  readChanged(held: SocketFds, standings: Readonly<Record<number, Standing>>) {
    const resident = { path: '/proc/7', held, folder: folder(this.#open.size) };
    return readChangedFds(this, resident, (inode) => standings[inode] ?? 'alone', new TimeSlice());
  }
}

function fdsOf(open: ReadonlyMap<number, number>): SocketFds {
  const ascending = [...open].toSorted(([a], [b]) => a - b);
  return { fds: ascending.map(([fd]) => fd), inodes: ascending.map(([, inode]) => inode) };
}

/** fd n has inode 100 + n. */
function inARow(count: number): Map<number, number> {
  return new Map(Array.from({ length: count }, (_, fd) => [fd, 100 + fd]));
}

describe('of a process that changed', () => {
  it('all is read but what is shown and its own', async () => {
    const open = inARow(20);
    const process = new Process(open);
    const held = fdsOf(open);
    expect(await process.readChanged(held, { 103: 'shared', 104: 'doubtful', 107: 'other' })).toEqual(held);
    expect(process.asked).toEqual([3, 4, 7]);
  });

  it('other files are believed where there are many', async () => {
    const open = inARow(10 * othersReadMax);
    const others = (count: number): Record<number, Standing> => {
      const each = Array.from({ length: count }, (_, i) => [200 + i, 'other'] as const);
      return { 103: 'doubtful', ...Object.fromEntries(each) };
    };
    const process = new Process(open);
    await process.readChanged(fdsOf(open), others(othersReadMax));
    expect(process.asked?.length).toBe(othersReadMax + 1);
    await process.readChanged(fdsOf(open), others(othersReadMax + 1));
    expect(process.asked).toEqual([3]);
  });

  it('nothing is read where much of it is in doubt', async () => {
    const process = new Process(inARow(7));
    expect(await process.readChanged(fdsOf(inARow(7)), { 100: 'doubtful', 101: 'doubtful' })).toBeNull();
    expect(process.asked).toBeNull();
  });

  it('nothing is told where it is another process, or gone, or has what is nowhere to be found', async () => {
    const [held, open] = [fdsOf(inARow(20)), inARow(20)];
    const standings = { 104: 'doubtful' } as const;
    const another = new Process(open, { ...folder(20), inode: 8 });
    expect(await another.readChanged(held, standings)).toBeNull();
    const reused = new Process(open, { ...folder(20), madeAtMs: 6 });
    expect(await reused.readChanged(held, standings)).toBeNull();
    // One fd more than can be accounted for: a file that was believed is closed.
    const closed = new Process(new Map([...inARow(20)].filter(([fd]) => fd !== 9)), folder(20));
    const resident = { path: '/proc/7', held, folder: folder(20) };
    const isDoubtful = (inode: number): Standing => (inode === 104 ? 'doubtful' : 'alone');
    const short = { ...resident, folder: folder(21) };
    expect(await readChangedFds(closed, short, isDoubtful, new TimeSlice())).toBeNull();
    const nobody = { readSome: async () => gone } as const;
    expect(await readChangedFds(nobody, resident, () => 'alone', new TimeSlice())).toBeNull();
  });

  it('what it has is told in order, whatever came and went', async () => {
    const fds = fc.uniqueArray(fc.nat(300), { minLength: 60, maxLength: 120 });
    const changes = fc.array(fc.tuple(fc.nat(300), fc.option(fc.integer({ min: 1, max: 50 }))), {
      maxLength: 10,
    });
    await fc.assert(
      fc.asyncProperty(fds, changes, async (before, exchanged) => {
        const held = new Map(before.map((fd) => [fd, 1000 + fd]));
        const now = new Map(held);
        const standings: Record<number, Standing> = {};
        for (const [fd, inode] of exchanged) {
          if (inode === null) now.delete(fd);
          else now.set(fd, inode);
          standings[1000 + fd] = 'doubtful';
        }
        expect(await new Process(now).readChanged(fdsOf(held), standings)).toEqual(fdsOf(now));
      }),
    );
  });
});

it('of a process that is listed, links of shared sockets are believed besides', () => {
  const standings: Readonly<Record<number, Standing>> = { 103: 'shared', 104: 'doubtful', 107: 'other' };
  const recall = recallFds(fdsOf(inARow(10)), (inode) => standings[inode] ?? 'alone');
  const recalled = [2, 3, 4, 6, 7, 9, 10].map(recall);
  expect(recalled).toEqual([102, 103, unknownFile, 106, unknownFile, 109, unknownFile]);
});
