/** The scan itself, on the sockets of this process and of children: what stands in the maps. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { loadBpfCalls } from '../../../agent/bpf/bpf-calls.ts';
import { openFileScan } from '../../../agent/bpf/file-scan.ts';
import { readBasicLayout, readKernelLayout } from '../../../agent/bpf/kernel-layout.ts';
import type { FoundSockets, ScanSizes } from '../../../agent/bpf/scan-maps.ts';
import { recordLayout } from '../../../agent/bpf/scan-memory.ts';
import {
  firstSizes,
  largerSizes,
  largestSizes,
  roomFor,
  SocketScan,
} from '../../../agent/bpf/socket-scan.ts';
import { type SeenTask, TaskTable } from '../../../agent/bpf/task-table.ts';
import { takeCensus } from '../../../agent/collect/census.ts';
import { parsePidStat } from '../../../agent/procfs/pid-stat.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';
import { until } from '../../support/until.ts';
import { children, closeAll, listen, ownNetns } from '../collect/machine.ts';
import { whyNoEbpf } from './live-kernel.ts';

afterEach(closeAll);

type OpenScan = (sizes?: ScanSizes) => Promise<SocketScan>;

const ofTables: OpenScan = async (sizes) => SocketScan.open(await loadBpfCalls(), readKernelLayout(), sizes);
const ofFiles: OpenScan = async (sizes) => openFileScan(await loadBpfCalls(), readBasicLayout(), sizes);

function tasksOf({ tasks }: FoundSockets): SeenTask[] {
  const table = new TaskTable(tasks);
  return Array.from({ length: table.length }, (_, i) => table.task(i));
}

/** pid and fd of the records with that local port in this network; elsewhere the port may be somebody else's. */
function holdersOf({ records }: FoundSockets, port: number): [number, number][] {
  const { fields, bytes } = recordLayout;
  const found: [number, number][] = [];
  for (let at = 0; at < records.length; at += bytes) {
    if (records.readUInt16LE(at + fields.localPort.offset) !== port) continue;
    if (records.readUInt32LE(at + fields.netns.offset) !== ownNetns) continue;
    found.push([records.readUInt32LE(at + fields.pid.offset), records.readUInt32LE(at + fields.fd.offset)]);
  }
  return found;
}

describe('room for what was found', () => {
  it.each([
    [0, 0, null],
    [1, 0, { records: 65_536, tasks: 4096 }],
    [0, 100_000, { records: 32_768, tasks: 262_144 }],
    [10_000_000, 0, { records: largestSizes.records, tasks: 4096 }],
  ])('%i sockets and %i processes missed', (missedRecords, missedTasks, larger) => {
    expect(largerSizes(firstSizes, { missedRecords, missedTasks })).toEqual(larger);
  });

  it.each([
    [0, firstSizes.records],
    [26_000, 32_768],
    [27_000, 65_536],
    [100_000, 131_072],
    [100_000_000, largestSizes.records],
  ])('%i TCP sockets that the kernel counts', (sockets, records) => {
    expect(roomFor(sockets)).toEqual({ records, tasks: firstSizes.tasks });
  });

  it('does not grow beyond the largest', () => {
    expect(largerSizes(largestSizes, { missedRecords: 5, missedTasks: 5 })).toBeNull();
  });
});

const obstacle = await whyNoEbpf();

it.skipIf(obstacle !== null)('a kernel without MPTCP takes the program too', async () => {
  const [, port] = await listen('127.0.0.1');
  const scan = await SocketScan.open(await loadBpfCalls(), { ...readKernelLayout(), mptcp: null });
  const found = holdersOf(await scan.run(), port);
  scan.close();
  expect(found).toEqual([[process.pid, expect.any(Number)]]);
});

describe.skipIf(obstacle !== null).each<[string, OpenScan]>([
  ['fd tables', ofTables],
  ['files', ofFiles],
])('the scan of %s', (_, open) => {
  async function withScan<T>(use: (scan: SocketScan) => Promise<T>, sizes?: ScanSizes): Promise<T> {
    const scan = await open(sizes);
    try {
      return await use(scan);
    } finally {
      scan.close();
    }
  }

  it('tells of this process what /proc tells', async () => {
    const tasks = await withScan(async (scan) => tasksOf(await scan.run()));
    const stat = parsePidStat(readFileSync(`/proc/${process.pid}/stat`))!;
    expect(tasks.find(({ pid }) => pid === process.pid)).toMatchObject({
      parentPid: process.ppid,
      startTicks: stat.startTicks,
      uid: process.geteuid!(),
      netns: Number(/\d+/.exec(readlinkSync('/proc/self/ns/net'))![0]),
      comm: stat.comm,
      tid: process.pid,
    });
  });

  it('tells the user that a process acts as, and the name that it gave itself', async () => {
    const nobody = 65534;
    const child = children.start("process.title='b)( c'; console.log('up'); setInterval(() => {}, 1e6)", {
      uid: nobody,
    });
    await child.line();
    const tasks = await withScan(async (scan) => tasksOf(await scan.run()));
    expect(tasks.find(({ pid }) => pid === child.pid)).toMatchObject({ uid: nobody, comm: 'b)( c' });
  });

  it('tells the cgroup by the number of its folder', async () => {
    const mounts = readFileSync('/proc/self/mounts', 'utf8');
    const root = /^\S+ (\S+) cgroup2 /m.exec(mounts)?.[1];
    if (root === undefined) return;
    const path = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))![1]!;
    const tasks = await withScan(async (scan) => tasksOf(await scan.run()));
    const expected = statSync(`${root}${path}`, { bigint: true }).ino;
    expect(tasks.find(({ pid }) => pid === process.pid)?.cgroup).toBe(expected);
  });

  it('shows the processes that /proc shows with their files, once, and no thread of the kernel', async () => {
    const child = children.start("console.log('up'); setInterval(() => {}, 1e6)");
    await child.line();
    const visible = async (): Promise<number[]> => {
      const { inhabitants } = await takeCensus('/proc', new TimeSlice());
      return inhabitants.filter(({ netns }) => netns !== null).map(({ pid }) => pid);
    };
    const before = await visible();
    const pids = await withScan(async (scan) => tasksOf(await scan.run()).map(({ pid }) => pid));
    const after = new Set(await visible());
    expect(before).toContain(child.pid);
    expect(before.filter((pid) => after.has(pid) && !pids.includes(pid))).toEqual([]);
    expect(pids).not.toContain(2);
    expect(new Set(pids).size).toBe(pids.length);
  });

  it('finds too little room too little, and makes more', async () => {
    const listeners = await Promise.all(Array.from({ length: 20 }, () => listen('127.0.0.1')));
    await withScan(
      async (scan) => {
        const found = await scan.run();
        expect([found.missedRecords, found.missedTasks]).toEqual([0, 0]);
        for (const [, port] of listeners)
          expect(holdersOf(found, port)).toEqual([[process.pid, expect.any(Number)]]);
        expect(scan.sizes.records).toBeGreaterThanOrEqual(32);
        expect(scan.sizes.tasks).toBeGreaterThanOrEqual(4);
      },
      { records: 4, tasks: 2 },
    );
  });

  it('a process whose first thread has exited keeps its sockets, told once', async () => {
    const child = children.start(`
      const { Worker } = require('node:worker_threads');
      const koffi = require('koffi');
      new Worker(\`
        const { createServer } = require('node:net');
        const server = createServer().listen(0, '127.0.0.1', () => {
          require('node:fs').writeSync(1, server.address().port + '\\\\n');
          require('node:worker_threads').parentPort.postMessage('up');
        });
      \`, { eval: true }).on('message', () => koffi.load(null).func('long syscall(long, ...)')(60, 'long', 0));
    `);
    const port = Number(await child.line());
    await until('its first thread is a zombie', () =>
      / Z /.test(execFileSync('cat', [`/proc/${child.pid}/stat`], { encoding: 'utf8' })),
    );
    const stat = parsePidStat(readFileSync(`/proc/${child.pid}/stat`))!;
    await withScan(async (scan) => {
      const found = await scan.run();
      expect(holdersOf(found, port)).toEqual([[child.pid, expect.any(Number)]]);
      const [task, ...others] = tasksOf(found).filter(({ pid }) => pid === child.pid);
      expect(others).toEqual([]);
      expect(task).toMatchObject({ startTicks: stat.startTicks, comm: stat.comm });
      expect(readFileSync(`/proc/${child.pid}/task/${task!.tid}/stat`, 'latin1')).not.toMatch(/ Z /);
    });
  });

  it('sockets that stand in no table are left out: unbound, and bound without listening', async () => {
    const child = children.start(`
      const koffi = require('koffi');
      const library = koffi.load(null);
      const socket = library.func('int socket(int, int, int)');
      const bind = library.func('int bind(int, void *, uint32_t)');
      for (const type of [1, 2]) socket(2, type, 0);
      const address = Buffer.from([2, 0, 0xf0, 0xf1, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
      console.log(bind(socket(2, 1, 0), address, 16));
      setInterval(() => {}, 1e6);
    `);
    expect(await child.line()).toBe('0');
    await withScan(async (scan) => {
      const { records } = await scan.run();
      const pids = new Set<number>();
      for (let at = 0; at < records.length; at += recordLayout.bytes) pids.add(records.readUInt32LE(at));
      expect(pids.has(child.pid)).toBe(false);
    });
  });
});
