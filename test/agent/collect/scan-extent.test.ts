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
  begin(nowMs?: number): [string, number[]];
  scan(nowMs?: number): [string, number[]];
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
        return isRefused ? null : changes;
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
    begin: (nowMs = 0) => {
      marked = [];
      const extent = made.extent.begin(nowMs);
      return [extent, marked.toSorted((a, b) => a - b)];
    },
    scan: (nowMs = 0) => {
      const begun = made.begin(nowMs);
      made.extent.walked();
      return begun;
    },
  };
  return made;
}

/** Two scans of everything have been made, the second with changes heard. */
function following(): Rig {
  const made = rig();
  expect([made.scan(), made.scan()]).toEqual([
    ['everything', []],
    ['everything', []],
  ]);
  return made;
}

it('the first scan asks for no events, the second for all, the third reads what changed', () => {
  const made = rig();
  made.scan();
  expect(made.opened).toBe(0);
  made.scan();
  expect(made.opened).toBe(1);
  expect(made.scan()).toEqual(['changes', []]);
  expect(made.opened).toBe(1);
});

it('where events are refused everything is read, and they are not asked for again', () => {
  const made = rig(true);
  for (let scans = 0; scans < 4; scans++) expect(made.scan()).toEqual(['everything', []]);
  expect(made.opened).toBe(1);
});

it('whoever holds a socket that changed is read in two scans', () => {
  const made = following();
  made.heard = [10, 99, 10];
  expect(made.scan()).toEqual(['changes', [1, 4]]);
  expect(made.scan()).toEqual(['changes', [1, 4]]);
  expect(made.scan()).toEqual(['changes', []]);
});

it('what changes while a scan is made counts for whoever held the socket before it, wherever that stands now', () => {
  const made = following();
  expect(made.begin()).toEqual(['changes', []]);
  made.heard = [20];
  const [holder] = made.holders.get(20)!;
  made.extent.walked();
  // It was closed: the scan showed another socket in its place.
  made.holders.delete(20);
  holder!.index = 7;
  expect(made.scan()).toEqual(['changes', [7]]);
  expect(made.scan()).toEqual(['changes', []]);
});

it.each<[string, (made: Rig) => void]>([
  [
    'a change was lost before it',
    (made) => {
      made.isLost = true;
    },
  ],
  [
    'a change was lost while the last one was made',
    (made) => {
      made.begin();
      made.isLost = true;
      made.extent.walked();
    },
  ],
  ['the last one was not taken in', (made) => made.extent.failed()],
  ['the last one has not come to its end', (made) => void made.begin()],
])('everything is read when %s, and then what changed', (_, spoil) => {
  const made = following();
  expect(made.scan()).toEqual(['changes', []]);
  spoil(made);
  expect(made.scan()).toEqual(['everything', []]);
  expect(made.scan()).toEqual(['changes', []]);
});

it('everything is read every ten seconds', () => {
  const made = following();
  const at = (ms: number): string => made.scan(ms)[0];
  expect([at(1), at(everythingIntervalMs - 1), at(everythingIntervalMs)]).toEqual([
    'changes',
    'changes',
    'everything',
  ]);
  expect([at(2 * everythingIntervalMs - 1), at(2 * everythingIntervalMs)]).toEqual(['changes', 'everything']);
});

it('closes what it opened', () => {
  const made = following();
  made.extent.close();
  made.extent.close();
  expect(made.closed).toBe(1);
});
