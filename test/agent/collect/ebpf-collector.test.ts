/** The eBPF rung on real sockets, beside the procfs rung and ss; and without what it needs. */
import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BpfError } from '../../../agent/bpf/bpf-error.ts';
import { DiagTables } from '../../../agent/collect/diag-tables.ts';
import { createEbpfCollector, type EbpfCollectorOptions } from '../../../agent/collect/ebpf-collector.ts';
import type { EbpfKind } from '../../../agent/collect/ebpf-programs.ts';
import { EbpfUnavailableError } from '../../../agent/collect/ebpf-unavailable.ts';
import { createProcfsCollector } from '../../../agent/collect/procfs-collector.ts';
import type { Collector, Scan } from '../../../agent/collector.ts';
import { LibcError } from '../../../agent/libc.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { canMakeNamespaces, Namespace } from '../../support/fleet/namespace.ts';
import { until } from '../../support/until.ts';
import { refusingCalls, whyNoEbpf } from '../bpf/live-kernel.ts';
import { zoo } from './ebpf-zoo.ts';
import { children, closeAll, connected, fdOf, holders, listen, ownNetns, withPorts } from './machine.ts';

const collectors: Collector[] = [];
const namespaces: Namespace[] = [];

afterEach(async () => {
  for (const collector of collectors.splice(0)) collector.close();
  await closeAll();
  for (const namespace of namespaces.splice(0)) await namespace.close();
});

async function open(options: EbpfCollectorOptions): Promise<Collector> {
  const collector = await createEbpfCollector(options);
  collectors.push(collector);
  return collector;
}

function openProcfs(): Collector {
  const collector = createProcfsCollector();
  collectors.push(collector);
  return collector;
}

/** A host of its own, where nothing happens but what the test does. */
async function quietHost(): Promise<{ inside: Namespace; netns: number }> {
  const inside = await Namespace.open('host', 'quiet');
  namespaces.push(inside);
  return { inside, netns: statSync(`/proc/${inside.pid}/ns/net`).ino };
}

function inNetns({ sockets }: Scan, netns: number): OwnedSocket[] {
  const text = (socket: OwnedSocket): string => JSON.stringify(socket);
  return sockets
    .filter((socket) => socket.netns === netns)
    .toSorted((a, b) => text(a).localeCompare(text(b)));
}

function ascending(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}

const obstacle = await whyNoEbpf();

describe.skipIf(obstacle !== null || !canMakeNamespaces).each<EbpfKind>(['ebpf', 'ebpf-files'])(
  '%s beside procfs',
  (kind) => {
    const openEbpf = (): Promise<Collector> => open({ kind });

    it('sockets of every kind: the same rows, states, owners and processes', async () => {
      const { inside, netns } = await quietHost();
      const child = children.start(zoo, { prefix: inside.enterNetwork });
      const port = Number(await child.line());
      const [ebpf, procfs] = [await openEbpf(), openProcfs()];
      // Timers end some of the states in between; two scans of procfs that agree frame one that nothing happened in.
      await until('nothing happens for a moment', async () => {
        const before = inNetns(await procfs.scan(), netns);
        const scan = await ebpf.scan();
        const after = inNetns(await procfs.scan(), netns);
        if (JSON.stringify(before) !== JSON.stringify(after)) return false;
        expect(inNetns(scan, netns)).toEqual(before);
        return true;
      });
      const rows = inNetns(await ebpf.scan(), netns);
      const states = new Set(rows.map(({ protocol, state }) => `${protocol} ${state}`));
      for (const state of [
        'tcp established',
        'tcp listen',
        'tcp close-wait',
        'udp unconnected',
        'udp established',
      ]) {
        expect(states).toContain(state);
      }
      expect(rows.filter(({ state }) => state === 'time-wait').map(({ owners }) => owners)).toContainEqual(
        [],
      );
      // That of ::1 may have the same port: whoever asks for any beside many reserved ones mostly gets the one above them.
      const [shared] = rows.filter(({ local, state }) => {
        return local.ip === '127.0.0.1' && local.port === port && state === 'listen';
      });
      // By pid, which may have begun anew between them.
      const heirs = shared!.owners.map(({ process, fds }) => `${process.comm} ${fds.length}`);
      expect(heirs.toSorted()).toEqual(['cat 1', 'cat 1', 'cat 2', 'node 1']);
      const queued = rows.find(({ local, state }) => local.port === 18263 && state === 'established');
      expect(queued).toMatchObject({ inode: 0, owners: [] });
    });

    it('what processes hold is known before the first dump, which makes no rows of it', async () => {
      const [server] = await listen('127.0.0.1');
      const inode = Number(/\d+/.exec(readlinkSync(`/proc/self/fd/${fdOf(server)}`))![0]);
      const read = vi.spyOn(DiagTables.prototype, 'read');
      const collector = await openEbpf();
      const { sockets } = await collector.scan();
      const queries = read.mock.calls[0]![2]!;
      read.mockRestore();
      expect(queries.map(({ isKnown }) => isKnown?.(inode))).toEqual(queries.map(() => true));
      expect(queries.length).toBeGreaterThan(0);
      expect(sockets.filter((socket) => socket.inode === inode)).toHaveLength(1);
    });

    it('equal tuples in two namespaces, both described', async () => {
      const pair = `
      const net = require('node:net');
      const server = net.createServer().listen(18084, '127.0.0.1', () => {
        net.connect({ port: 18084, host: '127.0.0.1', localPort: 28084 }, () => console.log('up'));
      });`;
      const prefix = ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"'];
      const both = [0, 1].map(() => children.start(pair, { prefix }));
      for (const child of both) await child.line();
      const scan = await (await openEbpf()).scan();
      const inodes = both.map(({ pid }) => statSync(`/proc/${pid}/ns/net`).ino);
      const clientEnds = inodes.flatMap((netns) => withPorts(scan, 28084, 18084, netns));
      expect(ascending(clientEnds.flatMap(holders))).toEqual(ascending(both.map(({ pid }) => pid)));
      expect(ascending(clientEnds.map(({ netns }) => netns))).toEqual(ascending(inodes));
      for (const inode of inodes) {
        expect(scan.scannedNetns.has(inode)).toBe(true);
        expect(scan.netns.find((one) => one.inode === inode)).toMatchObject({ isHost: false, addresses: [] });
      }
      expect(scan.netns.filter(({ isHost }) => isHost).map(({ inode }) => inode)).toEqual([
        statSync('/proc/self/ns/net').ino,
      ]);
    });

    it('a socket whose holder is in another namespace, where no process is left', async () => {
      const child = children.start(
        `const server = require('node:net').createServer().listen(18081, '127.0.0.1', () => {
         const { spawn } = require('node:child_process');
         const inode = require('node:fs').readlinkSync('/proc/self/ns/net');
         const heir = spawn('nsenter', ['--target', '${process.pid}', '--net', '--', 'sleep', 'infinity'],
           { detached: true, stdio: ['ignore', 'ignore', 'ignore', server._handle.fd] });
         heir.on('spawn', () => console.log(JSON.stringify([inode, heir.pid])));
       });`,
        { prefix: ['unshare', '-n'] },
      );
      const [link, heir] = JSON.parse(await child.line()) as [string, number];
      const inode = Number(/\d+/.exec(link)![0]);
      try {
        const ebpf = await openEbpf();
        await until('the heir sleeps in the namespace of the test', () => {
          const comm = readFileSync(`/proc/${heir}/comm`, 'latin1');
          return comm === 'sleep\n' && statSync(`/proc/${heir}/ns/net`).ino === ownNetns;
        });
        await child.end();
        const scan = await ebpf.scan();
        expect(inNetns(scan, inode).map((socket) => [socket.local.port, holders(socket)])).toEqual([
          [18081, [heir]],
        ]);
        expect(scan.netns.find((one) => one.inode === inode)).toMatchObject({ isHost: false, addresses: [] });
        expect(scan.scannedNetns.has(inode)).toBe(true);
      } finally {
        process.kill(heir, 'SIGKILL');
      }
    });

    it('who holds a socket follows the fds from scan to scan', async () => {
      const ebpf = await openEbpf();
      const [server, port] = await listen('127.0.0.1');
      const [client] = await connected(server);
      const held = async (): Promise<number[][]> => withPorts(await ebpf.scan(), port, 0).map(holders);
      expect(await held()).toEqual([[process.pid]]);
      const heir = children.start("console.log('up'); setInterval(() => {}, 1e6)", {
        extraFds: [fdOf(server)],
      });
      await heir.line();
      expect(await held()).toEqual([ascending([process.pid, heir.pid])]);
      server.close();
      expect(await held()).toEqual([[heir.pid]]);
      await heir.end();
      await until('the listener is gone', async () => (await held()).length === 0);
      const [still] = withPorts(await ebpf.scan(), client.localPort!, port);
      expect(holders(still!)).toEqual([process.pid]);
    });

    it('rows that did not change are the same objects', async () => {
      const [server, port] = await listen('127.0.0.1');
      await connected(server);
      const ebpf = await openEbpf();
      const mine = async (): Promise<OwnedSocket[]> =>
        (await ebpf.scan()).sockets.filter(
          ({ local, remote, netns }) => netns === ownNetns && (local.port === port || remote.port === port),
        );
      const [before, now] = [await mine(), await mine()];
      expect(before).toHaveLength(3);
      for (const [i, socket] of before.entries()) expect(now[i]).toBe(socket);
    });

    it('the event loop goes on during a scan, and closing waits for its end', async () => {
      const ebpf = await createEbpfCollector({ kind, sliceMs: 0 });
      const scanning = ebpf.scan();
      ebpf.close();
      ebpf.close();
      expect((await scanning).sockets.length).toBeGreaterThanOrEqual(0);
      await expect(ebpf.scan()).rejects.toThrow('the collector is closed');
    });
  },
);

describe.each<EbpfKind>(['ebpf', 'ebpf-files'])('where %s is not to be had', (kind) => {
  async function refusal(options: EbpfCollectorOptions): Promise<EbpfUnavailableError> {
    const error = await createEbpfCollector({ ...options, kind }).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(EbpfUnavailableError);
    return error as EbpfUnavailableError;
  }

  it('without koffi', async () => {
    const missing = (): Promise<never> => Promise.reject(new LibcError('cannot load koffi: not installed'));
    for (const options of [{ loadLibc: missing }, { loadBpfCalls: missing }]) {
      expect(await refusal(options)).toMatchObject({
        obstacle: 'calls',
        message: 'cannot load koffi: not installed',
      });
    }
  });

  it('with a copy of /proc, or one of another pid namespace', async () => {
    expect(await refusal({ procRoot: '/nowhere' })).toMatchObject({
      obstacle: 'pids',
      message: "/nowhere is not of the agent's own pid namespace, which is all that eBPF shows",
    });
  });

  it.skipIf(obstacle !== null).each([
    ['permission', 'cannot create the map learned: EPERM', 0, 1],
    ['kernel', 'cannot start an iteration: EINVAL', 33, 22],
  ] as const)('%s: %s', async (expected, message, command, errno) => {
    const error = await refusal({ loadBpfCalls: () => refusingCalls(command, errno) });
    expect(error).toMatchObject({ obstacle: expected, message, cause: expect.any(BpfError) });
  });

  it.skipIf(process.geteuid?.() !== 0)('to a user without capabilities', async () => {
    process.seteuid!(65534);
    try {
      expect(await refusal({})).toMatchObject({ obstacle: 'permission' });
    } finally {
      process.seteuid!(0);
    }
  });
});
