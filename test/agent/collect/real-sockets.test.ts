/** The collector on this machine's own /proc: sockets of every kind in one process, with and without an inode. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProcfsCollector } from '../../../agent/collect/procfs-collector.ts';
import type { Scan } from '../../../agent/collector.ts';
import { LibcError } from '../../../agent/libc.ts';
import { SocketWatch } from '../../../agent/watch/socket-watch.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import type { Protocol, SocketState } from '../../../model/socket-state.ts';
import { until } from '../../support/until.ts';
import {
  children,
  closeAll,
  connected,
  dial,
  fdOf,
  holders,
  listen,
  open,
  ownNetns,
  scanBy,
  scanOnce,
  withPorts,
  workingRungs,
} from './machine.ts';

afterEach(closeAll);

describe.each(workingRungs)('%s, one process', (rung) => {
  beforeEach(() => scanBy(rung));

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
    // A number may be the port of TCP and of UDP.
    const at = (protocol: Protocol, localPort: number | undefined): OwnedSocket | undefined =>
      mine.find((socket) => socket.protocol === protocol && socket.local.port === localPort);
    expect(at('tcp', client.localPort)?.local.ip).toBe('::1');
    expect(at('udp', bound.address().port)).toMatchObject({ state: 'unconnected' });
    expect(at('udp', paired.address().port)).toMatchObject({
      state: 'established',
      remote: { ip: '::1', port },
    });
  });

  it('a table of many pages is read to its end', async () => {
    const [server, port] = await listen('127.0.0.1');
    const clients = new Set<number | undefined>();
    for (let i = 0; i < 100; i++) clients.add((await connected(server))[0].localPort);
    const { sockets } = await scanOnce();
    const mine = sockets.filter(({ netns, remote }) => netns === ownNetns && remote.port === port);
    expect(mine.flatMap(holders)).toEqual(Array.from({ length: 100 }, () => process.pid));
    expect(mine).toHaveLength(100);
    expect(new Set(mine.map(({ local }) => local.port))).toEqual(clients);
  });
});

describe.each(workingRungs)('%s, sockets without an inode', (rung) => {
  beforeEach(() => scanBy(rung));

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

describe('procfs alone', () => {
  beforeEach(() => scanBy('procfs'));

  it('one process is found alone, by its pid', async () => {
    const [, port] = await listen('127.0.0.1');
    const collector = createProcfsCollector();
    const alone = await collector.scanProcess(process.pid);
    collector.close();
    expect('sockets' in alone && withPorts(alone, port, 0).map(holders)).toEqual([[process.pid]]);
  });

  it('a scan looks the same without koffi, which is said', async () => {
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
