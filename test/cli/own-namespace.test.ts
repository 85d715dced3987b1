/** `sockets` beside the sockets of its own namespace, where it leaves out of its question what processes hold. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import type { SocketDocument, SocketsDocument } from '../../model/document.ts';
import { whyNoEbpf } from '../agent/bpf/live-kernel.ts';
import { children, closeAll } from '../agent/collect/machine.ts';
import { canMakeNamespaces, Namespace } from '../support/fleet/namespace.ts';
import { until } from '../support/until.ts';

const binary = fileURLToPath(new URL('../../bin/whotalks', import.meta.url));

/** A namespace has a folder of its own to stand in. */
const koffiPath = createRequire(import.meta.url).resolve('koffi');

/** @param waiting how many of six connections nobody accepts */
const talkers = (waiting: number): string => `
const koffi = require(${JSON.stringify(koffiPath)});
const library = koffi.load(null);
const socket = library.func('int socket(int, int, int)');
const bind = library.func('int bind(int, void *, uint32_t)');
const listen = library.func('int listen(int, int)');
const connect = library.func('int connect(int, void *, uint32_t)');
const accept = library.func('int accept(int, void *, void *)');
const address = Buffer.from([2, 0, 8743 >> 8, 8743 & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
const listener = socket(2, 1, 0);
bind(listener, address, 16);
listen(listener, 16);
for (let i = 0; i < 6; i++) connect(socket(2, 1, 0), address, 16);
for (let i = ${waiting}; i < 6; i++) accept(listener, null, null);
console.log('ready');
setInterval(() => {}, 1e6);
`;

const opened: Namespace[] = [];

afterEach(async () => {
  await closeAll();
  for (const one of opened.splice(0)) await one.close();
});

async function shown(inside: Namespace, source: string): Promise<SocketDocument[]> {
  const text = await inside.run([process.execPath, binary, 'sockets', '--source', source, '-o', 'json']);
  const { sockets } = JSON.parse(text) as SocketsDocument;
  const key = (one: SocketDocument): string => JSON.stringify([one.local, one.remote, one.state]);
  return sockets.toSorted((a, b) => key(a).localeCompare(key(b)));
}

const obstacle = await whyNoEbpf();

describe.skipIf(obstacle !== null || !canMakeNamespaces)('in its own namespace', () => {
  it.each([0, 2, 6])(
    '%i connections that nobody has accepted are shown beside the others',
    async (waiting) => {
      const inside = await Namespace.open('host', 'own');
      opened.push(inside);
      const child = children.start(talkers(waiting), { prefix: inside.enter });
      expect(await child.line()).toBe('ready');
      // The kernel takes the last ends for established a moment after their other ends.
      let byProcfs: SocketDocument[] = [];
      const established = (sockets: readonly SocketDocument[]): SocketDocument[] =>
        sockets.filter(({ state }) => state === 'established');
      await until('all of them stand', async () => {
        byProcfs = await shown(inside, 'procfs');
        return established(byProcfs).length === 12 || JSON.stringify(byProcfs);
      });
      const byEbpf = await shown(inside, 'ebpf');
      expect(byEbpf.filter(({ owners }) => owners.length === 0).length).toBe(waiting);
      expect(established(byEbpf)).toHaveLength(12);
      expect(byEbpf).toEqual(byProcfs);
    },
  );
});
