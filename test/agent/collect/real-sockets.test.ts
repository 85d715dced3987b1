/** The collector on this machine's own /proc, with real sockets and real processes: the cases where owners go wrong. */
import { execFileSync } from 'node:child_process';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createProcfsCollector } from '../../../agent/collect/procfs-collector.ts';
import type { Scan } from '../../../agent/collector.ts';
import { LibcError } from '../../../agent/libc.ts';
import { denied } from '../../../agent/procfs/proc-file.ts';
import { SocketWatch } from '../../../agent/watch/socket-watch.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import type { SocketState } from '../../../model/socket-state.ts';
import { until } from '../../support/until.ts';
import { Children } from './child-node.ts';

const isRoot = process.geteuid?.() === 0;
const children = new Children();
const open: (Server | Socket | UdpSocket)[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) {
    if ('destroy' in one) one.destroy();
    else one.close();
  }
  await children.endAll();
});

function scanOnce(): Promise<Scan> {
  const collector = createProcfsCollector();
  return collector.scan().finally(() => collector.close());
}

async function listen(host: string): Promise<[Server, number]> {
  const server = createServer((socket) => open.push(socket));
  open.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  return [server, (server.address() as AddressInfo).port];
}

async function dial(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host });
  open.push(socket);
  await once(socket, 'connect');
  return socket;
}

/** Both ends of a new connection: the one that dialed, and the one that was accepted. */
async function connected(server: Server, host = '127.0.0.1'): Promise<[Socket, Socket]> {
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = await dial((server.address() as AddressInfo).port, host);
  return [client, (await accepted)[0]];
}

/** Fd of a socket of Node's, which only its handle tells. */
function fdOf(socket: Server | Socket): number {
  return (socket as unknown as { _handle: { fd: number } })._handle.fd;
}

function holders({ owners }: OwnedSocket): number[] {
  return owners.map((owner) => owner.process.pid);
}

function withPorts(scan: Scan, local: number, remote: number): OwnedSocket[] {
  return scan.sockets.filter((socket) => socket.local.port === local && socket.remote.port === remote);
}

describe('one process', () => {
  it('a loopback connection is two sockets with swapped tuples and different inodes', async () => {
    const [server, port] = await listen('127.0.0.1');
    const [client] = await connected(server);
    const scan = await scanOnce();
    const [clientEnd] = withPorts(scan, client.localPort!, port);
    const [serverEnd] = withPorts(scan, port, client.localPort!);
    expect(clientEnd).toMatchObject({
      state: 'established',
      local: serverEnd!.remote,
      remote: serverEnd!.local,
    });
    expect(clientEnd!.inode).not.toBe(serverEnd!.inode);
    expect(clientEnd!.owners).toMatchObject([{ process: { pid: process.pid }, fds: [fdOf(client)] }]);
    expect(holders(serverEnd!)).toEqual([process.pid]);
  });

  it('an IPv4 client of an IPv6 listener shows both ends as IPv4', async () => {
    const [server, port] = await listen('::');
    const [client] = await connected(server);
    const scan = await scanOnce();
    const [serverEnd] = withPorts(scan, port, client.localPort!);
    expect(serverEnd).toMatchObject({ local: { ip: '127.0.0.1', port }, remote: { ip: '127.0.0.1' } });
    expect(withPorts(scan, port, 0)).toMatchObject([
      { state: 'listen', local: { ip: '::' }, remote: { ip: '::' } },
    ]);
  });

  it('IPv6 and UDP, connected and not', async () => {
    const [, port] = await listen('::1');
    const client = await dial(port, '::1');
    const bound = createSocket('udp4');
    const paired = createSocket('udp6');
    open.push(bound, paired);
    bound.bind(0, '127.0.0.1');
    await once(bound, 'listening');
    paired.connect(port, '::1');
    await once(paired, 'connect');
    const { sockets } = await scanOnce();
    const mine = sockets.filter((socket) => holders(socket).includes(process.pid));
    expect(mine.find(({ local }) => local.port === client.localPort)?.local.ip).toBe('::1');
    expect(mine.find(({ local }) => local.port === bound.address().port)).toMatchObject({
      protocol: 'udp',
      state: 'unconnected',
    });
    expect(
      mine.find(({ local, protocol }) => protocol === 'udp' && local.port === paired.address().port),
    ).toMatchObject({
      state: 'established',
      remote: { ip: '::1', port },
    });
  });

  it('is found alone, by its pid', async () => {
    const [, port] = await listen('127.0.0.1');
    const collector = createProcfsCollector();
    const alone = await collector.scanProcess(process.pid);
    collector.close();
    expect('sockets' in alone && withPorts(alone, port, 0).map(holders)).toEqual([[process.pid]]);
  });

  it('looks the same without koffi, which is said', async () => {
    const [, port] = await listen('127.0.0.1');
    const collector = createProcfsCollector({
      loadLibc: () => Promise.reject(new LibcError('cannot load koffi: not installed')),
    });
    const scan = await collector.scan();
    expect(withPorts(scan, port, 0).map(holders)).toEqual([[process.pid]]);
    expect(scan.cannotSee).toContain(
      'Host-local container networks are not told apart from routed ones: cannot load koffi: not installed; ' +
        'reinstall whotalks with its native module koffi, or allow AF_NETLINK.',
    );
    const withKoffi = await scanOnce();
    const own = ({ netns }: Scan): unknown[] =>
      netns.filter(({ isHost }) => isHost).map(({ inode }) => inode);
    expect(own(scan)).toEqual(own(withKoffi));
    expect(own(scan)).toHaveLength(1);
  });
});

describe('several processes', () => {
  const idle = 'console.log("up"); setInterval(() => {}, 1e6)';

  it('a prefork server: one listener, four owners', async () => {
    const [server, port] = await listen('127.0.0.1');
    const workers = [0, 1, 2].map(() => children.start(idle, { extraFds: [fdOf(server)] }));
    for (const worker of workers) await worker.line();
    const listener = withPorts(await scanOnce(), port, 0);
    expect(listener).toHaveLength(1);
    const pids = [process.pid, ...workers.map(({ pid }) => pid)].toSorted((a, b) => a - b);
    expect(holders(listener[0]!)).toEqual(pids);
    expect(listener[0]!.owners.find(({ process: { pid } }) => pid === workers[0]!.pid)!.fds).toEqual([3]);
  });

  it('a worker that is killed is no owner any more', async () => {
    const [server, port] = await listen('127.0.0.1');
    const worker = children.start(idle, { extraFds: [fdOf(server)] });
    await worker.line();
    await worker.end();
    expect(withPorts(await scanOnce(), port, 0).map(holders)).toEqual([[process.pid]]);
  });

  it('a connection that is passed on changes its owner, and stays the same socket', async () => {
    const receiver = children.start(
      "process.on('message', (_, socket) => { global.kept = socket; console.log('got it'); }); console.log('up')",
      { extraFds: ['ipc'] },
    );
    await receiver.line();
    const [server, port] = await listen('127.0.0.1');
    const [client, passed] = await connected(server);
    const watch = new SocketWatch();
    const before = watch.apply(await scanOnce()).find(({ socket: { local, remote } }) => {
      return local.port === port && remote.port === client.localPort;
    })!;
    expect(holders(before.socket)).toEqual([process.pid]);
    receiver.send('take it', passed);
    expect(await receiver.line()).toBe('got it');
    await until('the receiver is the only owner', async () => {
      watch.apply(await scanOnce());
      const now = [...watch.watched()].find(({ id }) => id === before.id);
      return now !== undefined && holders(now.socket).join() === String(receiver.pid);
    });
  });

  it('processes that come and go while scans run do no harm', async () => {
    const [server, port] = await listen('127.0.0.1');
    const shortLived = children.start(`
      const { spawn } = require('node:child_process');
      const again = () => spawn('/bin/sleep', ['0.01'], { stdio: 'ignore' }).on('exit', again);
      for (let i = 0; i < 4; i++) again();
      console.log('up');
    `);
    await shortLived.line();
    for (let i = 0; i < 10; i++) {
      const scan = await scanOnce();
      expect(withPorts(scan, port, 0).map(holders)).toEqual([[process.pid]]);
      expect(scan.malformedTotal).toBe(0);
    }
    expect(server.listening).toBe(true);
  });

  it('a process whose first thread has exited still owns its sockets', async () => {
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
    await until('its first thread is a zombie', async () => {
      const scan = await scanOnce();
      const stat = execFileSync('cat', [`/proc/${child.pid}/stat`], { encoding: 'utf8' });
      return / Z /.test(stat) && withPorts(scan, port, 0).map(holders).join() === String(child.pid);
    });
  });
});

describe('sockets without an inode', () => {
  it('a connection in the accept queue has no owner', async () => {
    const blocked = children.start(`
      const server = require('node:net').createServer().listen(0, '127.0.0.1', () => {
        require('node:fs').writeSync(1, server.address().port + '\\n');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      });
    `);
    const port = Number(await blocked.line());
    const client = await dial(port);
    const [queued] = withPorts(await scanOnce(), port, client.localPort!);
    expect(queued).toMatchObject({ state: 'established', inode: 0, owners: [] });
  });

  it('TIME_WAIT keeps the owner that the connection had', async () => {
    const [server, port] = await listen('127.0.0.1');
    const [client, accepted] = await connected(server);
    const localPort = client.localPort!;
    const watch = new SocketWatch();
    watch.apply(await scanOnce());
    const find = (): { state: SocketState; inode: number; pids: number[] } | null => {
      const found = [...watch.watched()].find(({ socket: { local, remote } }) => {
        return local.port === localPort && remote.port === port;
      });
      return found === undefined
        ? null
        : { state: found.socket.state, inode: found.socket.inode, pids: holders(found.socket) };
    };
    expect(find()?.pids).toEqual([process.pid]);
    accepted.on('end', () => accepted.destroy()).resume();
    client.end();
    await until('the client end is in TIME_WAIT', async () => {
      watch.apply(await scanOnce());
      return find()?.state === 'time-wait' || JSON.stringify(find());
    });
    expect(find()).toEqual({ state: 'time-wait', inode: 0, pids: [process.pid] });
  });
});

describe.skipIf(!isRoot)('as root', () => {
  /** Listens on a fixed endpoint and connects to it from a fixed port: the same four-tuples in every namespace. */
  const pair = `
    const net = require('node:net');
    const server = net.createServer().listen(18080, '127.0.0.1', () => {
      net.connect({ port: 18080, host: '127.0.0.1', localPort: 28080 }, () => console.log('up'));
    });
  `;

  it('two namespaces with equal tuples are told apart', async () => {
    const prefix = ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"'];
    const both = [0, 1].map(() => children.start(pair, { prefix }));
    for (const child of both) expect(await child.line()).toBe('up');
    const scan = await scanOnce();
    const clientEnds = withPorts(scan, 28080, 18080);
    expect(clientEnds).toHaveLength(2);
    expect(new Set(clientEnds.map(({ netns }) => netns)).size).toBe(2);
    expect(clientEnds.flatMap(holders).toSorted((a, b) => a - b)).toEqual(
      both.map(({ pid }) => pid).toSorted((a, b) => a - b),
    );
    for (const { netns } of clientEnds) {
      expect(scan.netns.find(({ inode }) => inode === netns)).toMatchObject({ isHost: false, addresses: [] });
      expect(scan.scannedNetns.has(netns)).toBe(true);
    }
  });

  it('addresses of a namespace are read from the outside', async () => {
    const setUp =
      'ip link set lo up && ip link add veth0 type veth peer name veth1 && ip address add 10.77.0.2/24 dev veth0 && ' +
      'ip address add fd77::2/64 dev veth0 nodad && ip link set veth0 up && ip link set veth1 up && exec "$0" "$@"';
    const child = children.start(
      'console.log(require("fs").readlinkSync("/proc/self/ns/net"));setInterval(() => {}, 1e6)',
      {
        prefix: ['unshare', '-n', 'sh', '-c', setUp],
      },
    );
    const inode = Number(/\d+/.exec(await child.line())![0]);
    const { netns } = await scanOnce();
    const { addresses } = netns.find((one) => one.inode === inode)!;
    expect(addresses).toContainEqual({ ip: '10.77.0.2', prefixLength: 24, device: 'veth0' });
    expect(addresses).toContainEqual({ ip: 'fd77::2', prefixLength: 64, device: 'veth0' });
    expect(addresses.filter(({ ip }) => ip.startsWith('127.') || ip === '::1')).toEqual([]);
  });

  it('without privileges: every row, owners of the own processes, and what is missing is said', async () => {
    const [, port] = await listen('127.0.0.1');
    const nobody = 65534;
    const theirs = children.start(
      "const s = require('node:net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))",
      { uid: nobody },
    );
    const theirPort = Number(await theirs.line());
    const collector = createProcfsCollector();
    process.seteuid!(nobody);
    try {
      const scan = await collector.scan();
      expect(withPorts(scan, theirPort, 0).map(holders)).toEqual([[theirs.pid]]);
      expect(withPorts(scan, port, 0)).toHaveLength(1);
      expect(scan.cannotSee).toEqual([
        expect.stringMatching(
          /^The open files of \d+ processes cannot be read, so their sockets show no owner: this needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; run as root\.$/,
        ),
        expect.stringMatching(
          /^The network namespace of \d+ processes is unknown, so sockets of other namespaces may be missing: .*; run as root\.$/,
        ),
      ]);
      expect(await collector.scanProcess(process.ppid)).toBe(denied);
    } finally {
      process.seteuid!(0);
      collector.close();
    }
  });
});

describe('beside ss', () => {
  it('every socket of these processes has the same state, ports, owners, inode and user', async () => {
    const [server] = await listen('127.0.0.1');
    const [six] = await listen('::');
    const worker = children.start('console.log("up"); setInterval(() => {}, 1e6)', {
      extraFds: [fdOf(server), fdOf(six)],
    });
    await worker.line();
    const udp = createSocket('udp4');
    open.push(udp);
    udp.bind(0, '127.0.0.1');
    await once(udp, 'listening');
    for (const to of [server, server, six]) await connected(to);
    const pids = new Set([process.pid, worker.pid]);
    const mine = (await scanOnce()).sockets.filter((socket) => holders(socket).some((pid) => pids.has(pid)));
    const expected = socketsOfSs().filter(({ users }) => users.some(([pid]) => pids.has(pid)));
    expect(mine.map(asSs).toSorted(byInode)).toEqual(expected.toSorted(byInode));
    expect(mine.length).toBeGreaterThanOrEqual(9);
  });
});

interface SsSocket {
  readonly state: string;
  readonly ports: readonly [string, string];
  /** pid and fd, ascending. */
  readonly users: readonly (readonly [number, number])[];
  readonly inode: number;
  readonly uid: number;
}

function byInode(a: SsSocket, b: SsSocket): number {
  return a.inode - b.inode;
}

/** What iproute2 says of the sockets of this namespace. */
function socketsOfSs(): SsSocket[] {
  const lines = execFileSync('ss', ['-tunpeaH'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).split('\n');
  return lines.filter((line) => / ino:[1-9]/.test(line)).map(ssSocket);
}

function ssSocket(line: string): SsSocket {
  const [, state, , , local, peer] = line.split(/\s+/);
  const users = [...line.matchAll(/pid=(\d+),fd=(\d+)/g)].map(
    (match) => [Number(match[1]), Number(match[2])] as const,
  );
  return {
    state: state!,
    ports: [portText(local!), portText(peer!)],
    users: users.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]),
    inode: Number(/ ino:(\d+)/.exec(line)![1]),
    uid: Number(/ uid:(\d+)/.exec(line)?.[1] ?? 0),
  };
}

/** After the last colon; ss writes `*` for no port. */
function portText(endpoint: string): string {
  return endpoint.slice(endpoint.lastIndexOf(':') + 1).replace('*', '0');
}

function asSs(socket: OwnedSocket): SsSocket {
  const words: Partial<Record<SocketState, string>> = {
    established: 'ESTAB',
    listen: 'LISTEN',
    unconnected: 'UNCONN',
  };
  return {
    state: words[socket.state] ?? socket.state,
    ports: [String(socket.local.port), String(socket.remote.port)],
    users: socket.owners.flatMap(({ process: { pid }, fds }) => fds.map((fd) => [pid, fd] as const)),
    inode: socket.inode,
    uid: socket.uid,
  };
}
