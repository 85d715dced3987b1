/** The fds of this very process, listed and asked for one by one. */
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { loadLibc } from '../../../agent/libc.ts';
import { closedFd, LibcFdReader, unknownFile } from '../../../agent/procfs/libc-fd-reader.ts';
import type { SocketFds } from '../../../agent/procfs/pid-fd.ts';
import { gone } from '../../../agent/procfs/proc-file.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';

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
    expect(reader.readSome('/proc/self', [file, listening])).toEqual([0, inode]);
    closeSync(file);
    expect(reader.readSome('/proc/self', [listening, 1_000_000])).toEqual([inode, closedFd]);
    expect(reader.readSome('/proc/self', [])).toEqual([]);
    expect(reader.readSome('/proc/0', [listening])).toBe(gone);
    server.close();
  });
});
