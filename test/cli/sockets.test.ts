/** `sockets` on this machine, with sockets of this very process. */
import { closeSync, openSync, statSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SocketDocument, SocketsDocument } from '../../model/document.ts';
import { runCli } from '../support/run-cli.ts';
import { until } from '../support/until.ts';

let server: Server;
let accepted: Socket | undefined;
let client: Socket;
let port = 0;

beforeAll(async () => {
  server = createServer((socket) => {
    accepted = socket;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  port = (server.address() as AddressInfo).port;
  client = connect(port, '127.0.0.1');
  await until('the connection is there', () => accepted !== undefined && client.localPort !== undefined);
});

afterAll(() => {
  client.destroy();
  accepted?.destroy();
  server.close();
});

const ownNetns = statSync('/proc/self/ns/net').ino;

/** Of the server and its connection alone: elsewhere on this machine the same port may be somebody else's. */
function ownSocketsIn(out: string): SocketDocument[] {
  const isOwn = (end: SocketDocument['local']): boolean => end.ip === '127.0.0.1' && end.port === port;
  return (JSON.parse(out) as SocketsDocument).sockets.filter(
    ({ netns, protocol, local, remote }) =>
      netns === ownNetns && protocol === 'tcp' && (isOwn(local) || isOwn(remote)),
  );
}

const fdOf = (socket: Socket): number => (socket as unknown as { _handle: { fd: number } })._handle.fd;

describe('sockets', () => {
  test('a port finds the listener and both ends, with this process as their owner', async () => {
    const { code, out } = await runCli(['sockets', `:${port}`, '-o', 'json', '--sort', 'state']);
    const sockets = ownSocketsIn(out);
    expect(code).toBe(0);
    expect(sockets.map(({ state }) => state)).toEqual(['established', 'established', 'listen']);
    expect(sockets.every(({ owners }) => owners.some(({ pid }) => pid === process.pid))).toBe(true);
    expect(sockets[2]).toMatchObject({
      local: { ip: '127.0.0.1', port },
      remote: { ip: '0.0.0.0', port: 0 },
    });
  });

  test('--pid and --fd name the one connection', async () => {
    const fd = fdOf(client);
    const { code, out } = await runCli(['sockets', '--pid', String(process.pid), '--fd', String(fd)]);
    expect(code).toBe(0);
    expect(out.split('\n')[0]).toMatch(
      new RegExp(
        `^fd ${fd} of .+\\[${process.pid}\\] is tcp 127\\.0\\.0\\.1:${client.localPort} to 127\\.0\\.0\\.1:${port}, established\\.$`,
      ),
    );
    expect(out.split('\n')[2]).toMatch(/^PROTO {2}STATE/);
  });

  test('a listener is named without a second word for it', async () => {
    const listener = (server as unknown as { _handle: { fd: number } })._handle.fd;
    const { out } = await runCli(['sockets', '--pid', String(process.pid), '--fd', String(listener)]);
    expect(out.split('\n')[0]).toMatch(
      new RegExp(`^fd ${listener} of .+ is tcp listening on 127\\.0\\.0\\.1:${port}\\.$`),
    );
  });

  test('all sockets of a process that is not there are no empty list', async () => {
    expect(await runCli(['sockets', '--pid', '4194305'])).toEqual({
      code: 1,
      out: '',
      err: 'whotalks: there is no process 4194305; "ps -e" lists those there are\n',
    });
  });

  test('no such process, no such fd, no socket, not TCP or UDP: one line each, exit code 1', async () => {
    const of = (pid: number, fd: number) => runCli(['sockets', '--pid', String(pid), '--fd', String(fd)]);
    const file = openSync('/dev/null', 'r');
    try {
      expect(await of(999_999_999, 1)).toEqual({
        code: 1,
        out: '',
        err: 'whotalks: there is no process 999999999; "ps -e" lists those there are\n',
      });
      expect((await of(process.pid, 999_999)).err).toBe(
        `whotalks: process ${process.pid} has no file descriptor 999999; "whotalks sockets --pid ${process.pid}" lists its sockets\n`,
      );
      expect((await of(process.pid, file)).err).toBe(
        `whotalks: fd ${file} of process ${process.pid} is no socket: it is /dev/null\n`,
      );
    } finally {
      closeSync(file);
    }
  });

  test('--source names the way of reading, and every way finds the same', async () => {
    const ask = (source: string) => runCli(['sockets', `:${port}`, '-o', 'json', '--source', source]);
    const socketsOf = async (source: string): Promise<unknown> => {
      const { code, out } = await ask(source);
      if (code !== 0) return code;
      const inodes = ownSocketsIn(out).map(({ inode }) => inode);
      return inodes.toSorted((a, b) => (a ?? 0) - (b ?? 0));
    };
    expect(await socketsOf('sockdiag')).toEqual(await socketsOf('procfs'));
    expect(await socketsOf('auto')).toEqual(await socketsOf('procfs'));
    expect(await ask('telepathy')).toEqual({
      code: 2,
      out: '',
      err: 'whotalks: --source: expected auto, ebpf, ebpf-files, sockdiag, procfs, found "telepathy"\n',
    });
  });

  test('a source that does not work is an error of one line', async () => {
    const procfs = join(import.meta.dirname, '../fixtures/proc');
    expect(await runCli(['sockets', '--procfs', procfs, '--source', 'sockdiag'])).toEqual({
      code: 1,
      out: '',
      err:
        `whotalks: sockdiag does not work here: ${procfs} is a copy of /proc, not the kernel's own; to get it: allow ` +
        'AF_NETLINK sockets (seccomp, or RestrictAddressFamilies= of systemd), and npm ci --omit=dev for koffi.\n',
    });
  });

  test('a filter that nothing matches says so', async () => {
    const { code, out, err } = await runCli(['sockets', '192.0.2.99:1']);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toContain('whotalks: no socket matches\n');
  });
});
