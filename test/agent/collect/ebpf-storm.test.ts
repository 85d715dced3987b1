/** The eBPF rung where everything moves: processes that fork and exit all the time, and sockets by the ten thousands. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { createEbpfCollector, type EbpfCollector } from '../../../agent/collect/ebpf-collector.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { canMakeNamespaces, Namespace } from '../../support/fleet/namespace.ts';
import { whyNoEbpf } from '../bpf/live-kernel.ts';
import { children, closeAll } from './machine.ts';

const loadProgram = fileURLToPath(new URL('../../../bench/programs/socket-load.mjs', import.meta.url));

const namespaces: Namespace[] = [];
const collectors: EbpfCollector[] = [];

afterEach(async () => {
  for (const collector of collectors.splice(0)) collector.close();
  await closeAll();
  for (const namespace of namespaces.splice(0)) await namespace.close();
});

async function openHost(): Promise<{ inside: Namespace; netns: number }> {
  const inside = await Namespace.open('host', 'storm');
  namespaces.push(inside);
  return { inside, netns: statSync(`/proc/${inside.pid}/ns/net`).ino };
}

async function openCollector(): Promise<EbpfCollector> {
  const collector = await createEbpfCollector();
  collectors.push(collector);
  return collector;
}

async function socketsIn(collector: EbpfCollector, netns: number): Promise<OwnedSocket[]> {
  return (await collector.scan()).sockets.filter((socket) => socket.netns === netns);
}

const scans = 150;

describe.skipIf((await whyNoEbpf()) !== null || !canMakeNamespaces)('the eBPF rung', () => {
  it('gives no socket to a process that never had it, while pids and fd tables are used again and again', async () => {
    const { inside, netns } = await openHost();
    // Twenty listeners that stay; beside them short-lived processes, each with a listener of its own under the same fd.
    const steady = children.start(
      `const net = require('node:net');
       let left = 20;
       for (let i = 0; i < 20; i++) net.createServer().listen(19000 + i, '127.0.0.1', () => { if (--left === 0) console.log('up'); });`,
      { prefix: inside.enterNetwork },
    );
    await steady.line();
    const storm = children.start(
      `const { spawn } = require('node:child_process');
       const net = require('node:net');
       const server = net.createServer().listen(19100, '127.0.0.1', () => {
         const again = () => spawn('true', [], { stdio: ['ignore', 'ignore', 'ignore', server._handle.fd] }).on('exit', again);
         for (let i = 0; i < 4; i++) again();
         console.log('up');
       });`,
      { prefix: inside.enterNetwork },
    );
    await storm.line();
    const collector = await openCollector();
    const heirs = new Set<number>();
    for (let i = 0; i < scans; i++) {
      const sockets = await socketsIn(collector, netns);
      const steadyOnes = sockets.filter(({ local }) => local.port >= 19000 && local.port < 19020);
      expect(steadyOnes).toHaveLength(20);
      for (const { owners } of steadyOnes)
        expect(owners.map(({ process }) => process.pid)).toEqual([steady.pid]);
      const [shared] = sockets.filter(({ local }) => local.port === 19100);
      expect(shared!.owners.map(({ process }) => process.pid)).toContain(storm.pid);
      for (const { process } of shared!.owners) {
        expect(['node', 'true']).toContain(process.comm);
        expect(process.pid).not.toBe(steady.pid);
        if (process.pid !== storm.pid) heirs.add(process.pid);
      }
      expect(sockets).toHaveLength(21);
    }
    expect(heirs.size).toBeGreaterThan(0);
  });

  it('20,000 sockets of 20 processes: each once, with its one owner', async () => {
    const { inside, netns } = await openHost();
    const [command, ...args] = [...inside.enterNetwork, process.execPath, loadProgram, '20', '1000'];
    const load = spawn(command!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await once(load.stdout, 'data');
      const collector = await openCollector();
      const sockets = await socketsIn(collector, netns);
      const established = sockets.filter(({ state }) => state === 'established');
      expect(established).toHaveLength(20_000);
      expect(new Set(established.map(({ inode }) => inode)).size).toBe(20_000);
      const perProcess = new Map<number, number>();
      for (const { owners } of established) {
        expect(owners).toHaveLength(1);
        const { pid, comm } = owners[0]!.process;
        expect(comm).toBe('bash');
        perProcess.set(pid, (perProcess.get(pid) ?? 0) + 1);
      }
      expect([...perProcess.values()]).toEqual(Array.from({ length: 20 }, () => 1000));
      const again = await socketsIn(collector, netns);
      const before = new Set(sockets);
      expect(again.filter((socket) => socket.state === 'established' && !before.has(socket))).toEqual([]);
    } finally {
      load.stdin.end();
      await once(load, 'exit');
    }
  });
});
