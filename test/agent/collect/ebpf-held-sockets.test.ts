/** Records to sockets: joined by inode, and the same objects for as long as nothing changes. */

import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type SeenTask, TaskTable } from '../../../agent/bpf/task-table.ts';
import { HeldSockets } from '../../../agent/collect/held-sockets.ts';
import { noContainer } from '../../../model/container.ts';
import type { Process } from '../../../model/process.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { fc } from '../../support/random-cases.ts';
import { encodeFound, type RecordOf, type TaskOf } from './ebpf-records.ts';

interface Reader {
  readonly held: HeldSockets;
  readonly read: (tasks: readonly TaskOf[]) => readonly OwnedSocket[];
  /** Processes that were asked for, by pid. */
  readonly asked: number[];
  /** Makes the details of a process other ones. */
  readonly change: (pid: number) => void;
}

/** @param asksAgain whether processes may change behind the back of their tasks */
function reader(asksAgain = true): Reader {
  let last = TaskTable.empty;
  const known = new Map<number, Process>();
  const asked: number[] = [];
  const processOf = ({ pid, startTicks, comm, uid }: SeenTask): Process => {
    asked.push(pid);
    const before = known.get(pid);
    if (before?.startTicks === startTicks && before.comm === comm) return before;
    const unknown = {
      exe: null,
      cmdline: null,
      program: null,
      user: null,
      ...noContainer,
      unit: null,
    };
    const process = { pid, startTicks, comm, uid, ...unknown };
    known.set(pid, process);
    return process;
  };
  const held = new HeldSockets(processOf);
  return {
    held,
    asked,
    change: (pid) => known.delete(pid),
    read: (tasks) => {
      const found = encodeFound(tasks);
      last = TaskTable.after(last, found.tasks);
      const reading = held.read(found, { tasks: last, asksAgain });
      for (;;) {
        const step = reading.next();
        if (step.done === true) return step.value;
      }
    },
  };
}

function holders({ owners }: OwnedSocket): [number, readonly number[]][] {
  return owners.map(({ process, fds }) => [process.pid, fds]);
}

it('processes without sockets that come and go shift no owner to a neighbour', () => {
  const { read } = reader();
  const [a, b, idle] = [7, 8, 5].map((pid): TaskOf => {
    return { pid, comm: `p${pid}`, records: pid === 5 ? [] : [{ fd: 3, inode: 10 * pid }] };
  }) as [TaskOf, TaskOf, TaskOf];
  for (const tasks of [
    [a, b],
    [idle, a, b],
    [idle, a, b],
    [a, b],
    [a, b],
  ]) {
    expect(read(tasks).map(({ inode, owners }) => [inode, owners[0]!.process.comm])).toEqual([
      [70, 'p7'],
      [80, 'p8'],
    ]);
  }
});

describe('one scan', () => {
  it.each([
    ['IPv4', { localIp: '10.1.2.3', remoteIp: '10.255.0.1' }, '10.1.2.3', '10.255.0.1'],
    ['IPv6', { localIp: 'fd00::1', remoteIp: '2001:db8::8000:1' }, 'fd00::1', '2001:db8::8000:1'],
    ['a listener of both', { localIp: '::', remoteIp: '::', state: 10, remotePort: 0 }, '::', '::'],
    [
      'a listener of IPv4',
      { localIp: '0.0.0.0', remoteIp: '0.0.0.0', state: 10, remotePort: 0 },
      '0.0.0.0',
      '0.0.0.0',
    ],
  ])('%s', (_, record, localIp, remoteIp) => {
    const [socket] = reader().read([
      { pid: 7, records: [{ fd: 3, inode: 42, uid: 33, netns: 9, ...record }] },
    ]);
    expect(socket).toMatchObject({
      protocol: 'tcp',
      state: 'state' in record ? 'listen' : 'established',
      local: { ip: localIp, port: 1000 },
      remote: { ip: remoteIp, port: 'remotePort' in record ? 0 : 2000 },
      inode: 42,
      uid: 33,
      netns: 9,
    });
  });

  it.each([
    [6, 8, 'tcp', 'close-wait'],
    [17, 7, 'udp', 'unconnected'],
    [17, 1, 'udp', 'established'],
    [262, 10, 'tcp', 'listen'],
  ])('protocol %i in state %i is %s, %s', (protocol, state, word, stateWord) => {
    const [socket] = reader().read([{ pid: 7, records: [{ fd: 3, inode: 42, protocol, state }] }]);
    expect(socket).toMatchObject({ protocol: word, state: stateWord });
  });

  it('several fds and processes of one inode are one socket; owners by pid, fds ascending and once', () => {
    const [socket, ...others] = reader().read([
      {
        pid: 900,
        records: [
          { fd: 8, inode: 42 },
          { fd: 9, inode: 42 },
        ],
      },
      { pid: 30, records: [{ fd: 4, inode: 42 }] },
      {
        pid: 900,
        records: [
          { fd: 3, inode: 42 },
          { fd: 8, inode: 42 },
        ],
      },
    ]);
    expect(others).toEqual([]);
    expect(holders(socket!)).toEqual([
      [30, [4]],
      [900, [3, 8, 9]],
    ]);
  });

  it('subflows of one inode are sockets of their own, each held by whoever holds the inode', () => {
    const { read, held } = reader();
    const subflows = (...localPorts: number[]): RecordOf[] =>
      localPorts.map((localPort, subflow) => ({ fd: 8, inode: 42, subflow, localPort }));
    const both: TaskOf[] = [
      { pid: 7, records: subflows(1000, 1001) },
      { pid: 9, records: subflows(1000, 1001) },
    ];
    const sockets = read(both);
    expect(sockets.map(({ local }) => local.port)).toEqual([1000, 1001]);
    for (const socket of sockets) {
      expect(holders(socket)).toEqual([
        [7, [8]],
        [9, [8]],
      ]);
    }
    const again = read(both);
    for (const [i, socket] of again.entries()) expect(socket).toBe(sockets[i]);
    // The first one is over, and the other one keeps its number.
    const second: TaskOf[] = [{ pid: 7, records: subflows(1000, 1001).slice(1) }];
    const [left, ...others] = read(second);
    expect(others).toEqual([]);
    expect(left).toMatchObject({ local: { port: 1001 }, inode: 42 });
    expect(held.released.map(({ local }) => local.port)).toEqual([1000]);
    read(second);
    expect(held.released).toEqual([]);
  });

  it('processes without sockets are not asked for, and the others once', () => {
    const { read, asked } = reader();
    const sockets = read([
      { pid: 1, records: [] },
      {
        pid: 2,
        records: [
          { fd: 3, inode: 1 },
          { fd: 4, inode: 2 },
          { fd: 5, inode: 3 },
        ],
      },
      { pid: 3, records: [] },
      { pid: 4, records: [] },
      { pid: 5, records: [{ fd: 3, inode: 4 }] },
      { pid: 6, records: [] },
    ]);
    expect(asked).toEqual([2, 5]);
    expect(sockets.map(holders)).toEqual([[[2, [3]]], [[2, [4]]], [[2, [5]]], [[5, [3]]]]);
  });

  it('a comm may fill its 16 bytes, and be no text', () => {
    const [socket] = reader().read([{ pid: 1, comm: 'ümlaut\u001b[31m012', records: [{ fd: 3, inode: 1 }] }]);
    expect(socket!.owners[0]!.process.comm).toBe('ümlaut\u001b[31m012');
  });

  it('a state that has no word is told as malformed, and costs no other socket', () => {
    const { read, held } = reader();
    const sockets = read([
      {
        pid: 1,
        records: [
          { fd: 3, inode: 1, state: 99 },
          { fd: 4, inode: 2 },
        ],
      },
    ]);
    expect(sockets.map(({ inode }) => inode)).toEqual([2]);
    expect([held.malformedTotal, held.malformed]).toEqual([
      1,
      [{ file: 'eBPF scan', line: 1, column: 'state', text: '630006' }],
    ]);
    expect([held.holds(1), held.holds(2)]).toEqual([false, true]);
  });
});

describe('from scan to scan', () => {
  const one = { fd: 3, inode: 1 };
  const two = { fd: 4, inode: 2, localPort: 1001 };
  const shared = { fd: 5, inode: 3, state: 10 };
  const base: readonly TaskOf[] = [
    { pid: 10, records: [one, two, shared] },
    { pid: 20, records: [shared] },
  ];

  it('what did not change is the same object, wherever its record stands', () => {
    const { read } = reader();
    const before = read(base);
    expect(read(base)).toBe(before);
    const again = read([{ pid: 5, records: [{ fd: 3, inode: 9 }] }, ...base]);
    for (const [i, socket] of before.entries()) expect(again[i + 1]).toBe(socket);
  });

  it.each<[string, readonly TaskOf[], number, [number, readonly number[]][]]>([
    [
      'an owner more',
      [...base, { pid: 30, records: [one] }],
      0,
      [
        [10, [3]],
        [30, [3]],
      ],
    ],
    ['an owner less', [base[0]!], 2, [[10, [5]]]],
    ['the first owner gone', [{ pid: 10, records: [one, two] }, base[1]!], 2, [[20, [5]]]],
    ['another fd', [{ pid: 10, records: [{ fd: 7, inode: 1 }, two, shared] }, base[1]!], 0, [[10, [7]]]],
    [
      'an fd more',
      [{ pid: 10, records: [one, two, { ...two, fd: 6 }, shared] }, base[1]!],
      1,
      [[10, [4, 6]]],
    ],
  ])('owners change: %s', (_, tasks, index, expected) => {
    const { read } = reader();
    const before = read(base);
    const inode = before[index]!.inode;
    const now = read(tasks).find((socket) => socket.inode === inode)!;
    expect(now).not.toBe(before[index]);
    expect(holders(now)).toEqual(expected);
    expect(read(tasks).find((socket) => socket.inode === inode)).toBe(now);
  });

  it.each([
    ['state', { state: 8 }, { state: 'close-wait' }],
    ['port', { remotePort: 2001 }, { remote: { ip: '127.0.0.1', port: 2001 } }],
    ['address', { remoteIp: '10.0.0.1' }, { remote: { ip: '10.0.0.1', port: 2000 } }],
    ['user', { uid: 5 }, { uid: 5 }],
    ['namespace', { netns: 8 }, { netns: 8 }],
  ])('a row changes: %s', (_, change, expected) => {
    const { read } = reader();
    const [before] = read([{ pid: 10, records: [one] }]);
    const [now] = read([{ pid: 10, records: [{ ...one, ...change }] }]);
    expect(now).toMatchObject(expected);
    expect(now!.owners).toBe(before!.owners);
    expect(before).not.toMatchObject(expected);
  });

  it('a pid that is another process now is another owner', () => {
    const { read } = reader();
    const [before] = read([{ pid: 10, records: [one] }]);
    const [now] = read([{ pid: 10, startNs: 50_000_000n, records: [one] }]);
    expect([before, now].map((socket) => socket!.owners[0]!.process.startTicks)).toEqual([1, 5]);
  });

  it('details that changed make another object', () => {
    const { read, change } = reader();
    const [before] = read([{ pid: 10, records: [one] }]);
    change(10);
    const [now] = read([{ pid: 10, records: [one] }]);
    expect(now).not.toBe(before);
    expect(now).toEqual(before);
  });

  it('an inode that went away and comes back is a new socket', () => {
    const { read, held } = reader();
    const [before] = read([{ pid: 10, records: [one] }]);
    expect(read([{ pid: 10, records: [] }])).toEqual([]);
    expect(held.holds(1)).toBe(false);
    const [now] = read([{ pid: 10, records: [one] }]);
    expect(now).not.toBe(before);
    expect(now).toEqual(before);
  });

  it('a scan that was given up half-way leaves nothing behind', () => {
    const { read, held } = reader();
    read(base);
    const given = held.read(encodeFound([{ pid: 10, records: [two] }]));
    given.next();
    expect(read([base[0]!])).toEqual(reader().read([base[0]!]));
  });

  it('fresh are the rows that are new or other ones', () => {
    const { read, held } = reader();
    read(base);
    expect(held.fresh.map(({ inode }) => inode)).toEqual([1, 2, 3]);
    read(base);
    expect(held.fresh).toEqual([]);
    read([{ pid: 3, records: [{ fd: 3, inode: 9 }] }, ...base, { pid: 30, records: [one] }]);
    expect(held.fresh.map(({ inode }) => inode)).toEqual([9]);
    read([{ pid: 10, records: [{ ...one, state: 8 }, two, shared] }]);
    expect(held.fresh.map(({ inode }) => inode)).toEqual([1]);
  });

  describe('where processes change only with their tasks', () => {
    it('nobody is asked for while the tasks are the same', () => {
      const { read, asked } = reader(false);
      const before = read(base);
      expect(asked).toEqual([10, 20]);
      expect(read(base)).toBe(before);
      expect(asked).toEqual([10, 20]);
      read([{ ...base[0]!, comm: 'other' }, base[1]!]);
      expect(asked).toEqual([10, 20, 10, 20]);
    });

    it('records are read all the same', () => {
      const { read, held } = reader(false);
      read(base);
      const [now] = read([{ pid: 10, records: [{ ...one, state: 8 }, two, shared] }, base[1]!]);
      expect(now).toMatchObject({ inode: 1, state: 'close-wait' });
      expect(held.fresh).toHaveLength(1);
      read([{ pid: 10, records: [{ ...one, inode: 9 }, two, shared] }, base[1]!]);
      expect([held.holds(1), held.holds(9), held.records]).toEqual([false, true, 4]);
    });
  });
});

/** A scan of few processes, fds and inodes, so that everything that can happen does. */
const anyScan = fc
  .uniqueArray(
    fc.record({
      pid: fc.integer({ min: 1, max: 4 }),
      startNs: fc.constantFrom(10_000_000n, 20_000_000n),
      comm: fc.constantFrom('a', 'b'),
      records: fc.uniqueArray(
        fc.record({
          fd: fc.integer({ min: 0, max: 6 }),
          inode: fc.integer({ min: 1, max: 6 }),
          state: fc.constantFrom(1, 8, 99),
        }),
        { selector: ({ fd }) => fd, maxLength: 6 },
      ),
    }),
    { selector: ({ pid }) => pid, maxLength: 4 },
  )
  .map((tasks) =>
    tasks
      .toSorted((a, b) => a.pid - b.pid)
      .map((task) => ({ ...task, records: task.records.toSorted((a, b) => a.fd - b.fd) })),
  );

describe('any sequence of scans', () => {
  it.each([true, false])('shows what a first look would, and keeps what is equal: %s', (asksAgain) => {
    fc.assert(
      fc.property(fc.array(anyScan, { maxLength: 6 }), (scans) => {
        const { read, held } = reader(asksAgain);
        let before: readonly OwnedSocket[] = [];
        for (const tasks of scans) {
          const now = read(tasks);
          const first = reader();
          expect(now).toEqual(first.read(tasks));
          expect([held.records, held.malformedTotal, held.malformed]).toEqual([
            first.held.records,
            first.held.malformedTotal,
            first.held.malformed,
          ]);
          if (now.length > 0 && isDeepStrictEqual(now, before)) expect(now).toBe(before);
          for (const socket of now) {
            const known = before.find(({ inode }) => inode === socket.inode);
            if (known !== undefined && isDeepStrictEqual(known, socket)) expect(socket).toBe(known);
          }
          before = now;
        }
      }),
      { numRuns: 1000 },
    );
  });
});
