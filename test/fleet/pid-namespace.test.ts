/** Hosts that share a kernel: every way of reading sockets shows the own host's alone, with the pids of its own /proc. */
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { SocketsDocument } from '../../model/document.ts';
import { whyNoEbpf } from '../agent/bpf/live-kernel.ts';
import { canMakeNamespaces, Namespace } from '../support/fleet/namespace.ts';

const mainProgram = fileURLToPath(new URL('../../bin/whotalks', import.meta.url));

/**
 * A listener, a connection to it, and one that its client has closed, so that the kernel alone remembers it. All on fixed
 * ports: the same in every host.
 */
const pair = `
  const net = require('node:net');
  const server = net.createServer().listen(18080, '127.0.0.1', () => {
    const from = (localPort) => net.connect({ port: 18080, host: '127.0.0.1', localPort });
    let ends = 0;
    const hold = () => ++ends === 2 && console.log(process.pid);
    server.once('connection', (accepted) => {
      accepted.resume().once('close', () => {
        server.once('connection', hold);
        from(28080).once('connect', hold);
      });
    });
    const closing = from(28081).once('connect', () => closing.end());
  });
`;

const namespaces: Namespace[] = [];

afterEach(async () => {
  for (const namespace of namespaces.splice(0).toReversed()) await namespace.close();
});

async function open(kind: 'host' | 'container', name: string, outer?: readonly string[]): Promise<Namespace> {
  const namespace = await Namespace.open(kind, name, outer);
  namespaces.push(namespace);
  return namespace;
}

/** @returns what the process calls itself */
async function startPair(inside: Namespace): Promise<number> {
  const child = inside.spawn([process.execPath, '-e', pair]);
  for await (const text of child.stdout!) return Number(String(text));
  throw new Error('the pair did not start');
}

/** Local port, state, pids and service of the pairs' sockets; and which of the pids are not in /proc. */
async function sockets(host: Namespace, source: string): Promise<{ rows: unknown[]; strangers: number[] }> {
  const text = await host.run([process.execPath, mainProgram, 'sockets', '--source', source, '-o', 'json']);
  const document = JSON.parse(text) as SocketsDocument;
  const pids = new Set((await host.run(['ls', '/proc'])).split('\n').map(Number));
  const rows = document.sockets
    .filter(({ local }) => [18080, 28080, 28081].includes(local.port))
    .map(({ local, state, owners, service }) => {
      return [local.port, state, owners.map(({ pid }) => pid), service] as const;
    });
  const owners = document.sockets.flatMap((socket) => socket.owners.map(({ pid }) => pid));
  return {
    rows: rows.toSorted((a, b) => a[0] - b[0] || a[1].localeCompare(b[1])),
    strangers: owners.filter((pid) => !pids.has(pid)),
  };
}

/** Kept by the one process that does everything: the accepted end has no other owner either. Its folder names the service. */
function rowsOf(pid: number): unknown[] {
  return [
    [18080, 'established', [pid], 'node'],
    [18080, 'listen', [pid], 'node'],
    [28080, 'established', [pid], 'node'],
    [28081, 'time-wait', [], null],
  ];
}

describe.skipIf(!canMakeNamespaces)('two hosts on one kernel', () => {
  it.each(['ebpf', 'ebpf-files', 'sockdiag', 'procfs'])('%s', async (source) => {
    if (source.startsWith('ebpf') && (await whyNoEbpf()) !== null) return;
    const hosts = [await open('host', 'h1'), await open('host', 'h2')];
    const pids = [await startPair(hosts[0]!), await startPair(hosts[1]!)];
    for (const [i, host] of hosts.entries()) {
      expect(await sockets(host, source)).toEqual({ rows: rowsOf(pids[i]!), strangers: [] });
    }
  });

  it.each(['ebpf', 'ebpf-files', 'sockdiag', 'procfs'])(
    '%s: a container shows with the pids of its host',
    async (source) => {
      if (source.startsWith('ebpf') && (await whyNoEbpf()) !== null) return;
      const host = await open('host', 'h1');
      const container = await open('container', 'c1', host.enter);
      await startPair(container);
      const { rows, strangers } = await sockets(host, source);
      expect(strangers).toEqual([]);
      const [[, , [pid]]] = rows as [[number, string, [number]]];
      expect(rows).toEqual(rowsOf(pid));
      expect(await host.run(['cat', `/proc/${pid}/comm`])).toBe('node\n');
    },
  );
});
