/** Sockets without an owner: what is asked when, what is believed until when, and what makes way for an owner. */
import { describe, expect, it } from 'vitest';
import type { FoundConnections } from '../../../agent/bpf/connection-walk.ts';
import { type AllDiagTables, everySocket } from '../../../agent/collect/diag-tables.ts';
import {
  confirmationsMax,
  fullDumpIntervalMs,
  OwnerlessSockets,
} from '../../../agent/collect/ownerless-sockets.ts';
import type { TaskNamespaces } from '../../../agent/collect/task-namespaces.ts';
import type { DiagQuery } from '../../../agent/netlink/sock-diag.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { type SocketState, stateNumber } from '../../../model/socket-state.ts';
import { encodeFound, type RecordOf } from './ebpf-records.ts';

const [shared, apart] = [1, 2];

/** Two namespaces, one of which has its own table of connections. */
const namespaces: TaskNamespaces = {
  entrances: new Map([
    [shared, [{ path: '/proc/1' }]],
    [apart, [{ path: '/proc/2' }]],
  ]),
  sharing: new Set([shared]),
};

function row(change: Partial<OwnedSocket> & { port: number }): OwnedSocket {
  const { port, ...others } = change;
  return {
    protocol: 'tcp',
    state: 'time-wait',
    local: { ip: '127.0.0.1', port },
    remote: { ip: '127.0.0.1', port: 2000 },
    inode: 0,
    uid: 0,
    netns: shared,
    owners: [],
    ...others,
  };
}

/** What is asked of sock_diag. */
function wordOf(queries: readonly DiagQuery[]): string {
  if (queries.length === everySocket.length) return 'all';
  const [{ states }] = queries as readonly [DiagQuery];
  const isAsked = (state: SocketState): boolean => (states & (1 << stateNumber(state))) !== 0;
  expect([isAsked('time-wait'), isAsked('listen')]).toEqual([true, false]);
  return isAsked('established') ? 'connections' : 'passing';
}

/** A machine on which sock_diag and the walk show what the test says. */
function machine() {
  const asked: string[] = [];
  const shows = {
    diag: [] as OwnedSocket[],
    walk: [] as RecordOf[] | null,
    closed: [] as number[],
    closedNetns: [] as number[],
  };
  const held = {
    fresh: [] as OwnedSocket[],
    released: [] as OwnedSocket[],
    inodes: [] as number[],
    holds: (inode: number) => held.inodes.includes(inode),
  };
  const tables = {
    read: (
      entrances: TaskNamespaces['entrances'],
      _slice: TimeSlice,
      queries: readonly DiagQuery[] = everySocket,
    ): Promise<AllDiagTables> => {
      if (entrances.size > 0) asked.push(`${wordOf(queries)} of ${[...entrances.keys()].join()}`);
      const scanned = new Set([...entrances.keys()].filter((netns) => !shows.closedNetns.includes(netns)));
      const rows = shows.diag.filter(({ netns }) => scanned.has(netns));
      const table = { parts: () => [rows], malformed: [], malformedTotal: 0, truncated: [] };
      const closed = entrances.size - scanned.size;
      return Promise.resolve({ read: [table], scanned, closed, closedEntries: null });
    },
    confirm: (rows: readonly OwnedSocket[]): readonly OwnedSocket[] => {
      return rows.filter(({ local }) => !shows.closed.includes(local.port));
    },
    tables: [],
    close: () => void asked.push('close tables'),
  };
  const walk = {
    run: (isThorough: boolean): Promise<FoundConnections | null> => {
      asked.push(isThorough ? 'walk for accept queues' : 'walk');
      if (shows.walk === null) return Promise.resolve(null);
      return Promise.resolve({ ...encodeFound([{ pid: 0, records: shows.walk }]), missedRecords: 3 });
    },
    close: () => void asked.push('close walk'),
  };
  const ownerless = new OwnerlessSockets(tables, walk);
  const scan = async (nowMs: number, hasAcceptQueue = false, isPassing = true): Promise<number[]> => {
    await ownerless.read(
      { namespaces, isHeld: () => false, signs: { isPassing, hasAcceptQueue, counts: null }, nowMs },
      new TimeSlice(),
    );
    return ownerless.besides(held).map(({ local }) => local.port);
  };
  return { asked, shows, held, tables, walk, ownerless, scan };
}

const passingOnly = { isPassing: true, hasAcceptQueue: false, counts: null };

const timeWait = 6;
const established = 1;

describe('what is asked', () => {
  it('everything at first and then now and then; in between the walk, and sock_diag where it does not go', async () => {
    const { asked, scan } = machine();
    await scan(0);
    await scan(1000);
    await scan(fullDumpIntervalMs - 1, true);
    await scan(fullDumpIntervalMs + 1000);
    expect(asked).toEqual([
      'all of 1,2',
      'walk',
      'passing of 2',
      'walk for accept queues',
      'connections of 2',
      'all of 1,2',
    ]);
  });

  it('sock_diag of all namespaces where the walk cannot be done', async () => {
    const { asked, shows, scan } = machine();
    shows.walk = null;
    await scan(0);
    await scan(1, true);
    expect(asked.slice(1)).toEqual(['walk for accept queues', 'connections of 1,2']);
  });

  it('nothing of the walk without a sign', async () => {
    const { asked, shows, scan } = machine();
    await scan(0);
    shows.diag = [row({ port: 4, netns: apart })];
    expect(await scan(1, false, false)).toEqual([4]);
    expect(asked.slice(1)).toEqual(['passing of 2']);
  });

  it.each([
    ['nothing, and still nothing', false, false, { isPassing: false, hasAcceptQueue: false }, []],
    ['nothing, and something passes now', false, false, { isPassing: true, hasAcceptQueue: false }, ['walk']],
    [
      'nothing, and an accept queue now',
      false,
      false,
      { isPassing: false, hasAcceptQueue: true },
      ['walk for accept queues'],
    ],
    ['what passes, and it still does', true, false, { isPassing: true, hasAcceptQueue: false }, []],
    [
      'what passes, and an accept queue now',
      true,
      false,
      { isPassing: true, hasAcceptQueue: true },
      ['walk for accept queues'],
    ],
    ['an accept queue, which is still there', true, true, { isPassing: true, hasAcceptQueue: true }, []],
  ])('again after the scan: looked for %s', async (_, isPassing, hasAcceptQueue, signs, expected) => {
    const { asked, ownerless, scan } = machine();
    const again = (): Promise<void> =>
      ownerless.readAgain(
        { namespaces, isHeld: () => false, signs: { ...signs, counts: null }, nowMs: 5 },
        new TimeSlice(),
      );
    await scan(0);
    await again();
    expect(asked).toEqual(['all of 1,2']);
    await scan(1, hasAcceptQueue, isPassing);
    const before = asked.length;
    await again();
    expect(asked.slice(before).filter((what) => what.startsWith('walk'))).toEqual(expected);
    await again();
    expect(asked.slice(before).filter((what) => what.startsWith('walk'))).toEqual(expected);
  });

  it('no walk while the last one is as good, and one after the scan when that turns out not to be so', async () => {
    const { asked, shows, held, tables, walk } = machine();
    const signs = { isPassing: true, hasAcceptQueue: false, counts: 1n };
    let changes = 1;
    const ownerless = new OwnerlessSockets(tables, walk, () => changes);
    const question = { namespaces, isHeld: () => false };
    const scan = async (nowMs: number, after: Partial<typeof signs> = {}): Promise<[number, number[]]> => {
      const before = asked.length;
      await ownerless.read({ ...question, signs, nowMs }, new TimeSlice());
      await ownerless.readAgain({ ...question, signs: { ...signs, ...after }, nowMs }, new TimeSlice());
      const walks = asked.slice(before).filter((what) => what.startsWith('walk')).length;
      return [walks, ownerless.besides(held).map(({ local }) => local.port)];
    };
    await scan(0);
    shows.walk = [{ fd: 0, inode: 0, state: timeWait, localPort: 1 }];
    expect(await scan(1)).toEqual([1, [1]]);
    expect(await scan(2)).toEqual([0, [1]]);
    shows.walk = [];
    expect(await scan(3)).toEqual([0, [1]]);
    expect(await scan(4, { counts: 2n })).toEqual([1, []]);
    signs.counts = 2n;
    expect(await scan(5)).toEqual([0, []]);
    changes = 2;
    // The change may have been under way.
    expect(await scan(6)).toEqual([1, []]);
    expect(await scan(7)).toEqual([1, []]);
    expect(await scan(8)).toEqual([0, []]);
  });

  it('is closed with both', () => {
    const { asked, ownerless } = machine();
    ownerless.close();
    expect(asked).toEqual(['close tables', 'close walk']);
  });
});

describe('what is told', () => {
  it('passing sockets as long as they are seen, lasting ones until the next look at everything', async () => {
    const { shows, scan } = machine();
    shows.diag = [row({ port: 1 }), row({ port: 2, state: 'established', inode: 7 })];
    expect(await scan(0)).toEqual([1, 2]);
    shows.diag = [];
    expect(await scan(1)).toEqual([2]);
    shows.walk = [{ fd: 0, inode: 0, state: timeWait, localPort: 3 }];
    expect(await scan(2)).toEqual([3, 2]);
    expect(await scan(fullDumpIntervalMs + 10)).toEqual([]);
  });

  it('a connection that was closed before any process received it is gone in the same scan', async () => {
    const { shows, scan } = machine();
    shows.diag = [
      row({ port: 4, state: 'close-wait', inode: 40 }),
      row({ port: 5, state: 'established', inode: 50 }),
    ];
    expect(await scan(0)).toEqual([4, 5]);
    shows.closed = [4];
    expect(await scan(1)).toEqual([5]);
    shows.closed = [];
    expect(await scan(2)).toEqual([5]);
  });

  it('of what is looked for besides accept queues, nothing that is open and was opened or closed meanwhile', async () => {
    const { shows, scan } = machine();
    shows.walk = null;
    await scan(0);
    shows.diag = [
      row({ port: 4, state: 'established' }),
      row({ port: 5, state: 'established', inode: 50 }),
      row({ port: 6, state: 'fin-wait-1', inode: 60 }),
    ];
    expect(await scan(1, true)).toEqual([4, 6]);
  });

  it('a connection that its process has let go of and that goes on', async () => {
    const { shows, held, scan } = machine();
    await scan(0);
    shows.closed = [5];
    held.released = [4, 5].map((port) => row({ port, state: 'established', inode: port * 10 }));
    expect(await scan(1)).toEqual([4]);
    held.released = [];
    expect(await scan(2)).toEqual([4]);
    shows.closed = [4];
    expect(await scan(3)).toEqual([]);
  });

  it('no connection that was accepted and is over, although nothing tells of accept queues any more', async () => {
    const { shows, scan } = machine();
    shows.diag = [4, 5].map((port) => row({ port, state: 'established' }));
    expect(await scan(0)).toEqual([4, 5]);
    shows.diag = [];
    expect(await scan(1)).toEqual([4, 5]);
    shows.closed = [5];
    expect(await scan(2)).toEqual([4]);
  });

  it('nor any of more than are asked about', async () => {
    const { shows, scan } = machine();
    const ports = Array.from({ length: confirmationsMax + 50 }, (_, n) => 10_000 + n);
    shows.walk = [];
    shows.diag = ports.map((port) => row({ port, state: 'established' }));
    expect((await scan(0)).toSorted((a, b) => a - b)).toEqual(ports);
    shows.diag = [];
    shows.closed = ports;
    expect(await scan(1000)).toEqual([]);
  });

  it('nothing of namespaces that no process is in, and of others only what their own table shows', async () => {
    const { shows, scan } = machine();
    await scan(0);
    shows.walk = [
      { fd: 0, inode: 0, state: timeWait, localPort: 1, netns: 99 },
      { fd: 0, inode: 0, state: timeWait, localPort: 2, netns: apart },
      { fd: 0, inode: 0, state: timeWait, localPort: 3, netns: shared },
    ];
    shows.diag = [row({ port: 4, netns: apart }), row({ port: 5, netns: shared })];
    expect(await scan(1)).toEqual([3, 4]);
  });

  it('rows that did not change are the same objects', async () => {
    const { shows, held, ownerless, scan } = machine();
    await scan(0);
    const read = async (nowMs: number): Promise<readonly OwnedSocket[]> => {
      await ownerless.read({ namespaces, isHeld: () => false, signs: passingOnly, nowMs }, new TimeSlice());
      return ownerless.besides(held);
    };
    const [one, two] = [1, 2].map((localPort) => ({ fd: 0, inode: 0, state: timeWait, localPort }));
    shows.walk = [one!, two!];
    const before = await read(1);
    shows.walk = [two!, one!];
    expect((await read(2)).length).toBe(2);
    shows.walk = [{ ...one!, state: 5 }, two!];
    const changed = await read(3);
    expect(before.map(({ state }) => state)).toEqual(['time-wait', 'time-wait']);
    expect(changed.map(({ state }) => state)).toEqual(['fin-wait-2', 'time-wait']);
    const again = await read(4);
    expect(again.length).toBe(2);
    for (const [i, socket] of again.entries()) expect(socket).toBe(changed[i]);
  });

  it('a walk that shows the same is told anew when another namespace is known', async () => {
    const { shows, held, ownerless, scan } = machine();
    await scan(0);
    shows.walk = [{ fd: 0, inode: 0, state: timeWait, localPort: 1, netns: apart }];
    expect(await scan(1)).toEqual([]);
    const joined = { ...namespaces, sharing: new Set([shared, apart]) };
    await ownerless.read(
      { namespaces: joined, isHeld: () => false, signs: passingOnly, nowMs: 2 },
      new TimeSlice(),
    );
    expect(ownerless.besides(held).map(({ local }) => local.port)).toEqual([1]);
  });

  it('a socket that a process holds is told with it alone: by its inode', async () => {
    const { shows, held, scan } = machine();
    shows.diag = [
      row({ port: 1, state: 'established', inode: 7 }),
      row({ port: 2, state: 'listen', inode: 8 }),
    ];
    held.inodes = [8];
    expect(await scan(0)).toEqual([1]);
    held.inodes = [7, 8];
    expect(await scan(1)).toEqual([]);
    held.inodes = [];
    expect(await scan(2)).toEqual([]);
  });

  it('a connection that was accepted, or whose tuple is used again, goes by its holder', async () => {
    const { shows, held, scan } = machine();
    shows.diag = [
      row({ port: 1, state: 'established' }),
      row({ port: 2, state: 'established' }),
      row({ port: 3 }),
    ];
    held.fresh = [row({ port: 1, state: 'established', inode: 7 })];
    expect(new Set(await scan(0))).toEqual(new Set([2, 3]));
    shows.walk = [{ fd: 0, inode: 0, state: timeWait, localPort: 3 }];
    held.fresh = [
      row({ port: 2, state: 'close-wait', inode: 8 }),
      row({ port: 3, state: 'syn-sent', inode: 9 }),
    ];
    expect(await scan(1)).toEqual([]);
    held.fresh = [];
    expect(await scan(2)).toEqual([3]);
  });

  it('the accept queue is believed until it is looked for', async () => {
    const { shows, scan } = machine();
    shows.diag = [row({ port: 1, state: 'established' })];
    expect(await scan(0)).toEqual([1]);
    expect(await scan(1)).toEqual([1]);
    shows.walk = [{ fd: 0, inode: 0, state: established, localPort: 4 }];
    expect(await scan(2, true)).toEqual([4]);
    shows.walk = [];
    expect(await scan(3)).toEqual([]);
  });

  it('listeners and UDP sockets with equal tuples stay', async () => {
    const { shows, held, scan } = machine();
    shows.diag = [
      row({ port: 1, state: 'listen', inode: 5 }),
      row({ port: 2, protocol: 'udp', state: 'unconnected', inode: 6 }),
    ];
    held.fresh = [
      row({ port: 1, state: 'listen', inode: 7 }),
      row({ port: 2, protocol: 'udp', state: 'unconnected', inode: 8 }),
    ];
    expect(await scan(0)).toEqual([1, 2]);
  });

  it('of namespaces that are closed to the agent, what the walk shows; and how many they are is told in every scan', async () => {
    const { asked, shows, scan, ownerless } = machine();
    shows.closedNetns = [shared, apart];
    shows.diag = [row({ port: 4 }), row({ port: 5, netns: apart })];
    shows.walk = [
      { fd: 0, inode: 0, state: timeWait, localPort: 4, netns: shared },
      { fd: 0, inode: 0, state: timeWait, localPort: 5, netns: apart },
    ];
    expect(await scan(0)).toEqual([4]);
    expect(asked).toEqual(['all of 1,2', 'walk for accept queues']);
    for (const nowMs of [1, fullDumpIntervalMs + 10, fullDumpIntervalMs + 20]) {
      const read = await ownerless.read(
        { namespaces, isHeld: () => false, signs: passingOnly, nowMs },
        new TimeSlice(),
      );
      expect(read.closed).toBe(2);
    }
  });

  it('what the walk had no room for is counted', async () => {
    const { ownerless } = machine();
    const read = (nowMs: number) =>
      ownerless.read({ namespaces, isHeld: () => false, signs: passingOnly, nowMs }, new TimeSlice());
    expect((await read(0)).missedConnections).toBe(0);
    expect((await read(1)).missedConnections).toBe(3);
  });
});
