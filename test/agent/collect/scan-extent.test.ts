/** When a scan of fds reads everything, and which processes it is told to read otherwise. */
import { expect, it } from 'vitest';
import { everythingIntervalMs, ScanExtent } from '../../../agent/collect/scan-extent.ts';

interface Rig {
  readonly extent: ScanExtent;
  /** Inodes that changed since the last look. */
  heard: number[];
  isLost: boolean;
  /** By inode: the indexes of the processes that hold the socket. */
  holders: Map<number, { index: number }[]>;
  opened: number;
  closed: number;
  /** Begins a scan. @returns the extent, and which processes were marked for it */
  begin(nowMs?: number): Promise<[string, number[]]>;
  scan(nowMs?: number): Promise<[string, number[]]>;
}

function rig(isRefused = false): Rig {
  let marked: number[] = [];
  const changes = {
    take: (tell: (inode: number) => void): boolean => {
      for (const inode of made.heard.splice(0)) tell(inode);
      const isLost = made.isLost;
      made.isLost = false;
      return !isLost;
    },
    count: () => 0,
    close: () => {
      made.closed++;
    },
  };
  const made: Rig = {
    extent: new ScanExtent({
      scan: { mark: (task) => marked.push(task) },
      held: { holdersOf: (inode) => made.holders.get(inode) ?? [] },
      openChanges: () => {
        made.opened++;
        return Promise.resolve(isRefused ? null : changes);
      },
    }),
    heard: [],
    isLost: false,
    holders: new Map([
      [10, [{ index: 1 }, { index: 4 }]],
      [20, [{ index: 2 }]],
    ]),
    opened: 0,
    closed: 0,
    begin: async (nowMs = 0) => {
      marked = [];
      const extent = await made.extent.begin(nowMs);
      return [extent, marked.toSorted((a, b) => a - b)];
    },
    scan: async (nowMs = 0) => {
      const begun = await made.begin(nowMs);
      made.extent.walked();
      return begun;
    },
  };
  return made;
}

/** Two scans of everything have been made, the second with changes heard. */
async function following(): Promise<Rig> {
  const made = rig();
  expect([await made.scan(), await made.scan()]).toEqual([
    ['everything', []],
    ['everything', []],
  ]);
  return made;
}

it('the first scan asks for no events, the second for all, the third reads what changed', async () => {
  const made = rig();
  await made.scan();
  expect(made.opened).toBe(0);
  await made.scan();
  expect(made.opened).toBe(1);
  expect(await made.scan()).toEqual(['changes', []]);
  expect(made.opened).toBe(1);
});

it('where events are refused everything is read, and they are not asked for again', async () => {
  const made = rig(true);
  for (let scans = 0; scans < 4; scans++) expect(await made.scan()).toEqual(['everything', []]);
  expect(made.opened).toBe(1);
});

it('whoever holds a socket that changed is read in two scans', async () => {
  const made = await following();
  made.heard = [10, 99, 10];
  expect(await made.scan()).toEqual(['changes', [1, 4]]);
  expect(await made.scan()).toEqual(['changes', [1, 4]]);
  expect(await made.scan()).toEqual(['changes', []]);
});

it('what changes while a scan is made counts for whoever held the socket before it, wherever that stands now', async () => {
  const made = await following();
  expect(await made.begin()).toEqual(['changes', []]);
  made.heard = [20];
  const [holder] = made.holders.get(20)!;
  made.extent.walked();
  // It was closed: the scan showed another socket in its place.
  made.holders.delete(20);
  holder!.index = 7;
  expect(await made.scan()).toEqual(['changes', [7]]);
  expect(await made.scan()).toEqual(['changes', []]);
});

it.each<[string, (made: Rig) => void | Promise<void>]>([
  [
    'a change was lost before it',
    (made) => {
      made.isLost = true;
    },
  ],
  [
    'a change was lost while the last one was made',
    async (made) => {
      await made.begin();
      made.isLost = true;
      made.extent.walked();
    },
  ],
  ['the last one was not taken in', (made) => made.extent.failed()],
  ['the last one has not come to its end', async (made) => void (await made.begin())],
])('everything is read when %s, and then what changed', async (_, spoil) => {
  const made = await following();
  expect(await made.scan()).toEqual(['changes', []]);
  await spoil(made);
  expect(await made.scan()).toEqual(['everything', []]);
  expect(await made.scan()).toEqual(['changes', []]);
});

it('everything is read every ten seconds', async () => {
  const made = await following();
  const at = async (ms: number): Promise<string> => (await made.scan(ms))[0];
  expect([await at(1), await at(everythingIntervalMs - 1), await at(everythingIntervalMs)]).toEqual([
    'changes',
    'changes',
    'everything',
  ]);
  expect([await at(2 * everythingIntervalMs - 1), await at(2 * everythingIntervalMs)]).toEqual([
    'changes',
    'everything',
  ]);
});

it('closes what it opened', async () => {
  const made = await following();
  made.extent.close();
  made.extent.close();
  expect(made.closed).toBe(1);
});
