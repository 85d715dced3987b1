/** The fds of a process, listed and asked for one by one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { loadLibc } from '../../../agent/libc.ts';
import { closedFd, LibcFdReader, unknownFile } from '../../../agent/procfs/libc-fd-reader.ts';
import type { SocketFds } from '../../../agent/procfs/pid-fd.ts';
import { gone } from '../../../agent/procfs/proc-file.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';
import { until } from '../../support/until.ts';

/** A number that this process never gets to. */
const closed = 1_000_000;

describe('fds by libc', () => {
  it('are the same one by one as in the list, and closed where they are', async () => {
    const reader = new LibcFdReader(await loadLibc());
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const file = openSync('/dev/null', 'r');
    const listed: SocketFds = { fds: [], inodes: [] };
    expect(await reader.readFiles('/proc/self', listed, new TimeSlice(), () => unknownFile)).toBeNull();
    const { fd: listening } = (server as unknown as { _handle: { fd: number } })._handle;
    const inode = listed.inodes[listed.fds.indexOf(listening)]!;
    expect(inode).toBeGreaterThan(0);
    const further: SocketFds = { fds: [], inodes: [] };
    expect(reader.readSome('/proc/self', [file, listening], [], 2)).toEqual({ inodes: [0, inode], further });
    closeSync(file);
    const some = [listening, closed];
    expect(reader.readSome('/proc/self', some, [closed], 2)).toEqual({ inodes: [inode, closedFd], further });
    expect(reader.readSome('/proc/self', [], [listening], 0)).toEqual({ inodes: [], further });
    expect(reader.readSome('/proc/0', [listening], [], 1)).toBe(gone);
    server.close();
  });

  it('are found by their numbers until there are as many as asked for', async () => {
    const reader = new LibcFdReader(await loadLibc());
    const files = ['/dev/null', '/dev/null', '/dev/null'].map((path) => openSync(path, 'r'));
    const [first, second, third] = files as [number, number, number];
    const guesses = [closed, second, closed, third];
    const furtherOf = (openCount: number) =>
      reader.readSome('/proc/self', [first, closed], guesses, openCount);
    expect([1, 2, 3, 4].map(furtherOf)).toEqual(
      [[], [second], [second, third], [second, third]].map((fds) => {
        return { inodes: [0, closedFd], further: { fds, inodes: fds.map(() => 0) } };
      }),
    );
    for (const file of files) closeSync(file);
  });

  it('are the same of a process that nothing is known of, whatever gaps there are', async () => {
    const reader = new LibcFdReader(await loadLibc());
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = (server as unknown as { _handle: { fd: number } })._handle.fd;
    for (const gaps of [[], [0], [1, 2], [3, 5, 6], [40]]) {
      const closing = gaps.map((fd) => `exec ${fd}<&-;`).join(' ');
      const script = `${closing} exec 200</dev/null; kill -STOP $$`;
      const stdio = Array.from({ length: 50 }, (_, fd) => (fd % 2 === 1 ? socket : 'ignore'));
      const child = spawn('bash', ['--norc', '-c', script], { stdio });
      try {
        await once(child, 'spawn');
        const path = `/proc/${child.pid}`;
        await until('the shell has stopped', () => readFileSync(`${path}/stat`, 'latin1').includes(') T '));
        const anew: SocketFds = { fds: [], inodes: [] };
        const listed: SocketFds = { fds: [], inodes: [] };
        expect(await reader.readAnew(path, anew, new TimeSlice())).toBeNull();
        expect(await reader.readFiles(path, listed, new TimeSlice(), () => unknownFile)).toBeNull();
        expect(anew).toEqual(listed);
        const names = readdirSync(`${path}/fd`).map(Number);
        expect(anew.fds).toEqual(names.toSorted((a, b) => a - b));
        expect(anew.fds.filter((fd) => gaps.includes(fd))).toEqual([]);
        expect(anew.fds).toContain(200);
      } finally {
        child.kill('SIGKILL');
      }
    }
    expect(await reader.readAnew('/proc/0', { fds: [], inodes: [] }, new TimeSlice())).toBe(gone);
    server.close();
  });
});
