/** The walk over the table of connections, in a network where nothing happens but what the test does. */
import { statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { loadBpfCalls } from '../../../agent/bpf/bpf-calls.ts';
import { ConnectionWalk } from '../../../agent/bpf/connection-walk.ts';
import { readKernelLayout } from '../../../agent/bpf/kernel-layout.ts';
import { RecordReader, recordWords, wordOf } from '../../../agent/bpf/socket-record.ts';
import type { SocketRow } from '../../../model/socket.ts';
import { canMakeNamespaces, Namespace } from '../../support/fleet/namespace.ts';
import { until } from '../../support/until.ts';
import { children, closeAll } from '../collect/machine.ts';
import { whyNoEbpf } from './live-kernel.ts';

const namespaces: Namespace[] = [];
const walks: ConnectionWalk[] = [];

afterEach(async () => {
  for (const walk of walks.splice(0)) walk.close();
  await closeAll();
  for (const namespace of namespaces.splice(0)) await namespace.close();
});

async function openWalk(entries?: number): Promise<ConnectionWalk> {
  const walk = await ConnectionWalk.open(await loadBpfCalls(), readKernelLayout(), entries);
  walks.push(walk);
  return walk;
}

async function quietNetwork(): Promise<{ enter: readonly string[]; netns: number }> {
  const inside = await Namespace.open('host', 'quiet');
  namespaces.push(inside);
  return { enter: inside.enterNetwork, netns: statSync(`/proc/${inside.pid}/ns/net`).ino };
}

/** Rows of one namespace, by port. */
async function rowsOf(walk: ConnectionWalk, netns: number, isThorough: boolean): Promise<SocketRow[]> {
  const { records } = (await walk.run(isThorough))!;
  const words = new Uint32Array(records.buffer, records.byteOffset, records.length / 4);
  const reader = new RecordReader();
  const rows: SocketRow[] = [];
  for (let at = 0; at < words.length; at += recordWords) {
    if (words[at + wordOf.netns] === netns) rows.push(reader.row(words, at)!);
  }
  return rows.toSorted((a, b) => a.local.port - b.local.port);
}

/** Connects \count times to itself and closes at once, so that the side that dialed is in TIME_WAIT. */
const over = (count: number, host: string): string => `
  const net = require('node:net');
  const server = net.createServer((one) => one.on('end', () => one.end()).resume()).listen(18080, '${host}', () => {
    let left = ${count};
    const next = () => {
      if (left-- === 0) return console.log('up');
      const client = net.connect({ port: 18080, host: '${host}' }, () => client.end());
      client.on('close', next).resume();
    };
    next();
  });
`;

const obstacle = await whyNoEbpf();

describe.skipIf(obstacle !== null || !canMakeNamespaces)('the walk', () => {
  it.each(['127.0.0.1', '::1'])('finds TIME_WAIT, of %s', async (host) => {
    const { enter, netns } = await quietNetwork();
    await children.start(over(3, host), { prefix: enter }).line();
    const walk = await openWalk();
    const ends: Partial<SocketRow> = { protocol: 'tcp', state: 'time-wait', inode: 0, uid: 0, netns };
    await until('three connections are over', async () => (await rowsOf(walk, netns, false)).length === 3);
    for (const row of await rowsOf(walk, netns, false)) {
      expect(row).toMatchObject({ ...ends, local: { ip: host }, remote: { ip: host, port: 18080 } });
      expect(row.local.port).toBeGreaterThan(1023);
    }
  });

  it('passes over what a process holds, however thorough it is', async () => {
    const { enter, netns } = await quietNetwork();
    const child = children.start(
      `const net = require('node:net');
       const server = net.createServer(() => console.log('up')).listen(18080, '127.0.0.1', () => net.connect(18080, '127.0.0.1'));`,
      { prefix: enter },
    );
    await child.line();
    const walk = await openWalk();
    expect(await rowsOf(walk, netns, true)).toEqual([]);
  });

  it('finds the accept queue when it is thorough', async () => {
    const { enter, netns } = await quietNetwork();
    const child = children.start(
      `const library = require('koffi').load(null);
       const socket = library.func('int socket(int, int, int)');
       const address = Buffer.from([2, 0, 70, 160, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
       const listener = socket(2, 1, 0);
       library.func('int bind(int, void *, uint32_t)')(listener, address, 16);
       library.func('int listen(int, int)')(listener, 8);
       console.log(library.func('int connect(int, void *, uint32_t)')(socket(2, 1, 0), address, 16));
       setInterval(() => {}, 1e6);`,
      { prefix: enter },
    );
    expect(await child.line()).toBe('0');
    const walk = await openWalk();
    expect(await rowsOf(walk, netns, false)).toEqual([]);
    expect(await rowsOf(walk, netns, true)).toMatchObject([
      {
        state: 'established',
        local: { ip: '127.0.0.1', port: 18080 },
        remote: { ip: '127.0.0.1' },
        inode: 0,
      },
    ]);
  });

  it('finds too little room too little, and makes more', async () => {
    const { enter, netns } = await quietNetwork();
    await children.start(over(40, '127.0.0.1'), { prefix: enter }).line();
    const walk = await openWalk(4);
    await until('forty connections are over', async () => (await rowsOf(walk, netns, false)).length === 40);
    expect((await walk.run(false))!.missedRecords).toBe(0);
  });

  it('frees everything, also twice', async () => {
    const walk = await openWalk();
    walk.close();
    walk.close();
    await expect(walk.run(false)).rejects.toThrow('the map is closed');
  });
});
