/** The collector on a /proc made by hand: the founding example, and races that are made to happen. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ProcRootError } from '../../../agent/collect/census.ts';
import {
  createProcfsCollector,
  type ProcfsCollectorOptions,
} from '../../../agent/collect/procfs-collector.ts';
import type { Scan } from '../../../agent/collector.ts';
import { LibcError, type LoadLibc } from '../../../agent/libc.ts';
import { readBootId } from '../../../agent/procfs/boot-id.ts';
import { gone, isUnread, type Unread } from '../../../agent/procfs/proc-file.ts';
import { noContainer } from '../../../model/container.ts';
import { formatEndpoint } from '../../../model/endpoint.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { ProcTree, tcpRow } from './proc-tree.ts';

const fixtures = `${import.meta.dirname}/../../fixtures`;
const withoutKoffi: LoadLibc = () => Promise.reject(new LibcError('cannot load koffi: not installed'));

/** `state local remote inode pid:fds ...` */
function inWords({ state, local, remote, inode, owners }: OwnedSocket): string {
  const holders = owners.map(({ process, fds }) => ` ${process.pid}:${fds.join('+')}`).join('');
  return `${state} ${formatEndpoint(local)} ${formatEndpoint(remote)} ${inode}${holders}`;
}

describe('the founding example', () => {
  const procRoot = `${fixtures}/proc`;
  const options: ProcfsCollectorOptions = { procRoot, passwdPath: `${fixtures}/proc-passwd` };

  const expected = [
    'listen 10.1.17.138:32200 0.0.0.0:0 764789417',
    'listen 10.1.17.138:873 0.0.0.0:0 737748331',
    'time-wait 10.1.17.138:64244 10.1.1.156:3306 0',
    'established 10.1.17.138:8653 10.1.100.9:8743 2305224138 25465:101',
    'time-wait 10.1.17.138:64394 10.1.1.156:3306 0',
    'time-wait 10.1.17.138:29669 10.1.17.69:80 0',
    'close-wait 10.1.17.138:35245 10.1.0.243:8080 2305271480',
    'time-wait 10.1.17.138:2763 10.1.17.136:8080 0',
    'time-wait 10.1.17.138:64364 10.1.1.156:3306 0',
    'time-wait 10.1.17.138:8080 10.1.17.136:27247 0',
    'unconnected 0.0.0.0:514 0.0.0.0:0 9012 1:12',
  ];

  it.each([
    ['with koffi', options],
    ['without koffi', { ...options, loadLibc: withoutKoffi }],
  ])('every row, and the owner of fd 101, %s', async (_, withOptions) => {
    const scan = await createProcfsCollector(withOptions).scan();
    expect(scan.sockets.map(inWords)).toEqual(expected);
    expect(scan.sockets[3]!.owners).toEqual([
      {
        fds: [101],
        process: {
          pid: 25465,
          startTicks: 987654,
          comm: 'index_search',
          exe: '/srv/search/index_search',
          cmdline: './index_search --config conf/search.conf --password ***',
          program: 'index_search',
          uid: 0,
          user: 'root',
          ...noContainer,
          unit: 'index-search.service',
        },
      },
    ]);
    expect([...scan.scannedNetns]).toEqual([4026531992]);
    expect(scan.malformedTotal).toBe(0);
    expect(scan.cannotSee).toEqual([]);
  });

  it('one process alone', async () => {
    const scan = scanned(await createProcfsCollector(options).scanProcess(25465));
    expect(scan.sockets.map(inWords)).toEqual([expected[3]]);
    expect(await createProcfsCollector(options).scanProcess(25466)).toBe(gone);
  });

  it('its boot', () => expect(readBootId(procRoot)).toBe('f1e95b3c-6f0a-4a39-a1b6-2c1d7a0f5f11'));

  it('a root that is not there is said in one line', async () => {
    const scan = createProcfsCollector({ procRoot: '/nonexistent/proc' }).scan();
    await expect(scan).rejects.toThrow(ProcRootError);
    await expect(scan).rejects.toThrow(
      'cannot read /nonexistent/proc: no such folder; name the place of /proc with --procfs',
    );
  });
});

function scanned(scan: Scan | Unread): Scan {
  if (isUnread(scan)) throw new Error(`nothing to scan: ${scan.unread}`);
  return scan;
}

describe('while it is being read', () => {
  let proc: ProcTree;

  beforeEach(() => {
    proc = new ProcTree();
    proc.add({ pid: 1, tcp: tcpRow(1000, 7) + tcpRow(1001, 8) });
  });
  afterEach(() => proc.remove());

  /**
   * Scans, and lets `change` happen after the first process was seen: with slices of no length the collector rests
   * after each step, so what it does before its first rest is all that has happened when scan() returns its promise.
   */
  async function scanWhile(change: () => void): Promise<Scan> {
    const collector = createProcfsCollector({ procRoot: proc.root, sliceMs: 0 });
    const scan = collector.scan();
    change();
    return scan;
  }

  it('a pid that is used again owns nothing of its predecessor', async () => {
    proc.exit(1);
    proc.add({ pid: 1, startTicks: 10, fds: { 3: 'socket:[7]' }, tcp: tcpRow(1000, 7) });
    const scan = await scanWhile(() => proc.writeStat({ pid: 1, startTicks: 11 }));
    expect(scan.sockets.map(inWords)).toEqual(['established 10.0.0.1:1000 10.0.0.2:80 7']);
  });

  it('a process that exits leaves its sockets without an owner', async () => {
    proc.add({ pid: 2, fds: { 3: 'socket:[7]' } });
    proc.add({ pid: 3, fds: { 3: 'socket:[8]' } });
    const scan = await scanWhile(() => proc.exit(2));
    expect(scan.sockets.map(inWords)).toEqual([
      'established 10.0.0.1:1000 10.0.0.2:80 7',
      'established 10.0.0.1:1001 10.0.0.2:80 8 3:3',
    ]);
  });

  it('a namespace is read through another process when the first one exits', async () => {
    proc.add({ pid: 2, tcp: tcpRow(1000, 7), fds: { 3: 'socket:[7]' } });
    const scan = await scanWhile(() => proc.exit(1));
    expect(scan.sockets.map(inWords)).toEqual(['established 10.0.0.1:1000 10.0.0.2:80 7 2:3']);
    expect([...scan.scannedNetns]).toEqual([4026531840]);
  });

  it('a namespace whose last process exits is known, and not looked at', async () => {
    const scan = await scanWhile(() => proc.exit(1));
    expect(scan.sockets).toEqual([]);
    expect(scan.netns.map(({ inode }) => inode)).toEqual([4026531840]);
    expect([...scan.scannedNetns]).toEqual([]);
  });

  it("a process that moves to another namespace does not show that one's tables as its old one's", async () => {
    const scan = await scanWhile(() => proc.moveTo(1, 4026532000));
    expect([...scan.scannedNetns]).toEqual([]);
    expect(scan.sockets).toEqual([]);
  });

  it('the event loop gets its turns', async () => {
    for (let pid = 2; pid < 50; pid++) proc.add({ pid });
    let turns = 0;
    let isRunning = true;
    const count = (): void => {
      turns++;
      if (isRunning) setImmediate(count);
    };
    const scan = scanWhile(() => setImmediate(count));
    await scan;
    isRunning = false;
    expect(turns).toBeGreaterThan(50);
  });
});

describe('processes of every kind', () => {
  let proc: ProcTree;

  beforeEach(() => {
    proc = new ProcTree();
    proc.add({ pid: 1, tcp: tcpRow(1000, 7) });
  });
  afterEach(() => proc.remove());

  function collect(): Promise<Scan> {
    return createProcfsCollector({ procRoot: proc.root }).scan();
  }

  it('several owners and several fds, also of other files', async () => {
    const fds = {
      0: '/dev/null',
      3: 'socket:[7]',
      4: 'socket:[999]',
      5: 'anon_inode:[eventpoll]',
      12: 'socket:[7]',
    };
    proc.add({ pid: 30, fds });
    proc.add({ pid: 4, fds: { 9: 'socket:[7]' } });
    expect((await collect()).sockets.map(inWords)).toEqual([
      'established 10.0.0.1:1000 10.0.0.2:80 7 4:9 30:3+12',
    ]);
  });

  it('a process whose first thread has exited', async () => {
    proc.add({ pid: 7, state: 'Z', threads: 2, startTicks: 10 });
    proc.add({ pid: 7, state: 'Z', threads: 2, startTicks: 10 }, '7/task');
    proc.add({ pid: 8, threads: 2, startTicks: 25, fds: { 3: 'socket:[7]' } }, '7/task');
    expect((await collect()).sockets.map(inWords)).toEqual(['established 10.0.0.1:1000 10.0.0.2:80 7 7:3']);
  });

  it('a zombie is passed over without a word', async () => {
    proc.add({ pid: 7, state: 'Z', fds: { 3: 'socket:[7]' } });
    const scan = await collect();
    expect(scan.sockets.map(inWords)).toEqual(['established 10.0.0.1:1000 10.0.0.2:80 7']);
    expect(scan.cannotSee).toEqual([]);
  });

  it('two namespaces with equal tuples', async () => {
    proc.add({ pid: 2, netns: 4026532000, tcp: tcpRow(1000, 8), fds: { 3: 'socket:[8]' } });
    const { sockets } = await collect();
    expect(sockets.map(({ netns, inode, owners }) => [netns, inode, owners.length])).toEqual([
      [4026531840, 7, 0],
      [4026532000, 8, 1],
    ]);
  });

  it('a socket of another namespace than that of its process', async () => {
    proc.add({ pid: 2, netns: 4026532000, fds: { 3: 'socket:[7]' } });
    expect((await collect()).sockets.map(inWords)).toEqual(['established 10.0.0.1:1000 10.0.0.2:80 7 2:3']);
  });

  it('a malformed row is told and costs no other', async () => {
    proc.add({ pid: 2, netns: 4026532000, tcp: `   0: nonsense\n${tcpRow(1001, 8)}` });
    const scan = await collect();
    expect(scan.sockets).toHaveLength(2);
    const file = `${proc.root}/2/net/tcp`;
    expect(scan.malformed).toEqual([{ file, line: 2, column: 'local_address', text: 'nonsense' }]);
    expect(scan.malformedTotal).toBe(1);
  });

  it('a /proc without pid 1 hides processes', async () => {
    proc.add({ pid: 2, tcp: tcpRow(1000, 7) });
    proc.exit(1);
    expect((await collect()).cannotSee).toEqual([
      expect.stringMatching(/^The processes of other users are hidden by the hidepid option of \/proc, so /),
    ]);
  });

  it('details are the same objects until something changes, and forgotten with their process', async () => {
    proc.add({ pid: 2, comm: 'first', fds: { 3: 'socket:[7]' } });
    const collector = createProcfsCollector({ procRoot: proc.root });
    const holder = async (): Promise<unknown> => (await collector.scan()).sockets[0]!.owners[0]?.process;
    const first = await holder();
    expect(await holder()).toBe(first);
    proc.writeStat({ pid: 2, comm: 'second' });
    const second = await holder();
    expect(second).toMatchObject({ pid: 2, comm: 'second' });
    expect(await holder()).toBe(second);
    proc.exit(2);
    expect(await holder()).toBeUndefined();
  });
});
