/**
 * New holders of sockets that never change their state, so that no event tells of them: each shows in the very next scan of
 * what changed. And where events were lost, that scan is one of everything.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SocketScan } from '../../../agent/bpf/socket-scan.ts';
import { changeRingBytes } from '../../../agent/bpf/state-changes.ts';
import { TaskTable } from '../../../agent/bpf/task-table.ts';
import { createEbpfCollector, type EbpfCollector } from '../../../agent/collect/ebpf-collector.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';
import { until } from '../../support/until.ts';
import { whyNoEbpf } from '../bpf/live-kernel.ts';
import { children, closeAll, connected, fdOf, holders, listen, withPorts } from './machine.ts';

const scans = vi.spyOn(SocketScan.prototype, 'run');
const closing: (() => void)[] = [];

afterEach(async () => {
  scans.mockClear();
  for (const close of closing.splice(0)) close();
  await closeAll();
});

/** Reads everything only where it has to. */
async function openQuiet(): Promise<EbpfCollector> {
  const collector = await createEbpfCollector({ everythingIntervalMs: Number.POSITIVE_INFINITY });
  closing.push(() => collector.close());
  return collector;
}

/** Which of those processes the last scan did not pass over. */
function readOf(pids: readonly number[]): number[] {
  const last = scans.mock.settledResults.at(-1);
  if (last?.type !== 'fulfilled') throw new Error('no scan was made');
  const tasks = new TaskTable(last.value.tasks);
  const passedOver = new Set<number>();
  for (let i = 0; i < tasks.length; i++) if (tasks.before(i) !== null) passedOver.add(tasks.pid(i));
  return pids.filter((pid) => !passedOver.has(pid));
}

async function untilPassedOver(quiet: EbpfCollector, pids: readonly number[]): Promise<void> {
  await until('the processes are passed over', async () => {
    await quiet.scan();
    return readOf(pids).length === 0;
  });
}

/** Who holds the socket with those ports, by one scan. */
async function holdersOf(quiet: EbpfCollector, local: number, remote: number): Promise<number[]> {
  return withPorts(await quiet.scan(), local, remote)
    .flatMap(holders)
    .toSorted((a, b) => a - b);
}

function ascending(...pids: number[]): number[] {
  return pids.toSorted((a, b) => a - b);
}

const idle = 'setInterval(() => {}, 1e6);';

describe.skipIf((await whyNoEbpf()) !== null || !canMakeNamespaces)('the next scan of what changed', () => {
  it('shows whoever was handed a connection over a Unix socket, and nobody else', async () => {
    const [server, port] = await listen('127.0.0.1');
    const [client] = await connected(server);
    const clientPort = client.localPort!;
    const script = `process.on('message', (_, socket) => { globalThis.kept = socket; console.log('got') }); console.log('up'); ${idle}`;
    const receiver = children.start(script, { extraFds: ['ipc'] });
    await receiver.line();
    const quiet = await openQuiet();
    await untilPassedOver(quiet, [receiver.pid]);
    expect(await holdersOf(quiet, clientPort, port)).toEqual([process.pid]);
    receiver.send('take it', client);
    await receiver.line();
    // Node closes its own when it hears that it was taken.
    expect(await holdersOf(quiet, clientPort, port)).toContain(receiver.pid);
    await until('the sender has let go', async () => {
      return (await holdersOf(quiet, clientPort, port)).join() === String(receiver.pid);
    });
  });

  it('shows both processes that share a table of fds, whichever of them opens a socket', async () => {
    // CLONE_FILES and SIGCHLD. All that the other process does is to sleep, for no longer than the test may take.
    const script = `
      const koffi = require('koffi');
      const library = koffi.load(null);
      const dlsym = library.func('uintptr_t dlsym(void *, const char *)');
      const clone = library.func('int clone(uintptr_t, uintptr_t, int, uintptr_t)');
      const stack = Buffer.alloc(1 << 16);
      const top = koffi.address(stack) + BigInt(stack.length);
      const pid = clone(dlsym(null, 'sleep'), top, 0x400 | 17, 300);
      process.on('message', () => {
        const server = require('node:net').createServer();
        server.listen(0, '127.0.0.1', () => console.log(server.address().port));
      });
      console.log(pid);`;
    const sharer = children.start(script, { extraFds: ['ipc'] });
    const other = Number(await sharer.line());
    closing.push(() => process.kill(other, 'SIGKILL'));
    const quiet = await openQuiet();
    await untilPassedOver(quiet, [sharer.pid, other]);
    sharer.send('listen', undefined);
    const port = Number(await sharer.line());
    expect(await holdersOf(quiet, port, 0)).toEqual(ascending(sharer.pid, other));
    await untilPassedOver(quiet, [sharer.pid, other]);
    expect(await holdersOf(quiet, port, 0)).toEqual(ascending(sharer.pid, other));
  });

  it('shows all workers of a listener at once, and those that are left when some of them end', async () => {
    const [server, port] = await listen('127.0.0.1');
    const quiet = await openQuiet();
    for (let i = 0; i < 3; i++) await quiet.scan();
    const workers = Array.from({ length: 4 }, () =>
      children.start(`console.log('up'); ${idle}`, { extraFds: [fdOf(server)] }),
    );
    for (const worker of workers) await worker.line();
    const pids = workers.map(({ pid }) => pid);
    expect(await holdersOf(quiet, port, 0)).toEqual(ascending(process.pid, ...pids));
    await untilPassedOver(quiet, pids);
    for (const worker of workers.slice(0, 2)) await worker.end();
    expect(await holdersOf(quiet, port, 0)).toEqual(ascending(process.pid, ...pids.slice(2)));
  });

  it('is one of everything when there were more changes than the ring has room for', async () => {
    // Each begins to listen and is closed, which are two changes of 16 bytes in the ring.
    const script = `
      const library = require('koffi').load(null);
      const [socket, listen, close] = ['socket(int, int, int)', 'listen(int, int)', 'close(int)']
        .map((name) => library.func('int ' + name));
      process.on('message', () => {
        for (let i = 0; i < ${changeRingBytes / 16}; i++) {
          const fd = socket(2, 1, 0);
          listen(fd, 1);
          close(fd);
        }
        console.log('done');
      });
      console.log('up');`;
    const stirrer = children.start(script, { prefix: ['unshare', '-n'], extraFds: ['ipc'] });
    await stirrer.line();
    const quiet = await openQuiet();
    const untilQuiet = (): Promise<void> =>
      until('changes alone are read', async () => {
        await quiet.scan();
        return scans.mock.lastCall?.[0] === 'changes';
      });
    await untilQuiet();
    stirrer.send('stir', undefined);
    await stirrer.line();
    await quiet.scan();
    expect(scans.mock.lastCall).toEqual(['everything']);
    await untilQuiet();
  });
});
