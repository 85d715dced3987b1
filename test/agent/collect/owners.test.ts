/** Who holds a socket, with real processes: prefork, passed fds, processes that come and go. */
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SocketWatch } from '../../../agent/watch/socket-watch.ts';
import { until } from '../../support/until.ts';
import {
  children,
  closeAll,
  connected,
  fdOf,
  holders,
  listen,
  scanBy,
  scanOnce,
  withPorts,
  workingRungs,
} from './machine.ts';

afterEach(closeAll);

describe.each(workingRungs)('%s, several processes', (rung) => {
  beforeEach(() => scanBy(rung));

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
