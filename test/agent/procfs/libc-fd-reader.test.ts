/** The fds of a process, listed and asked for one by one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { loadLibc } from '../../../agent/libc.ts';
import { isSameFolder, readFdFolder } from '../../../agent/procfs/fd-folder.ts';
import {
  closedFd,
  LibcFdReader,
  missedGuessesMax,
  unknownFile,
} from '../../../agent/procfs/libc-fd-reader.ts';
import type { SocketFds } from '../../../agent/procfs/pid-fd.ts';
import { gone, isUnread } from '../../../agent/procfs/proc-file.ts';
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
    const folder = { inode: expect.any(Number) as number };
    const some = (fds: readonly number[], guesses: readonly number[], openCount: number) =>
      reader.readSome('/proc/self', fds, guesses, openCount, new TimeSlice());
    expect(await some([file, listening], [], 2)).toMatchObject({ folder, inodes: [0, inode], further });
    closeSync(file);
    expect(await some([listening, closed], [closed], 2)).toMatchObject({
      inodes: [inode, closedFd],
      further,
    });
    expect(await some([], [listening], 0)).toMatchObject({ inodes: [], further });
    expect(await reader.readSome('/proc/0', [listening], [], 1, new TimeSlice())).toBe(gone);
    server.close();
  });

  it('are found by their numbers until there are as many as asked for', async () => {
    const reader = new LibcFdReader(await loadLibc());
    const files = ['/dev/null', '/dev/null', '/dev/null'].map((path) => openSync(path, 'r'));
    const [first, second, third] = files as [number, number, number];
    const guesses = [closed, second, closed, third];
    for (const [openCount, fds] of [[], [second], [second, third], [second, third]].entries()) {
      expect(
        await reader.readSome('/proc/self', [first, closed], guesses, 1 + openCount, new TimeSlice()),
      ).toMatchObject({ inodes: [0, closedFd], further: { fds, inodes: fds.map(() => 0) } });
    }
    for (const file of files) closeSync(file);
  });

  it('are looked for as long as few numbers are none of theirs', async () => {
    const reader = new LibcFdReader(await loadLibc());
    const files = Array.from({ length: 2 * missedGuessesMax }, () => openSync('/dev/null', 'r'));
    const last = openSync('/dev/null', 'r');
    const countOf = async (misses: number): Promise<number> => {
      const guesses = [...files, ...Array.from({ length: misses }, () => closed), last];
      const read = await reader.readSome('/proc/self', [], guesses, Number.MAX_SAFE_INTEGER, new TimeSlice());
      return isUnread(read) ? Number.NaN : read.further.fds.length;
    };
    expect(await countOf(missedGuessesMax - 1)).toBe(files.length + 1);
    expect(await countOf(missedGuessesMax)).toBe(files.length);
    for (const file of [...files, last]) closeSync(file);
  });

  it('are told with the folder that they are of', async () => {
    const reader = new LibcFdReader(await loadLibc());
    // An open folder is not made anew.
    const opened = openSync('/proc/self/fd', 'r');
    const read = await reader.readSome('/proc/self', [], [], 0, new TimeSlice());
    const [folder, other] = [readFdFolder('/proc/self'), readFdFolder('/proc/1')];
    if (isUnread(read) || isUnread(folder) || isUnread(other)) throw new Error('a folder is not to be read');
    expect(isSameFolder(read.folder, folder)).toBe(true);
    expect(isSameFolder(read.folder, other)).toBe(false);
    closeSync(opened);
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
