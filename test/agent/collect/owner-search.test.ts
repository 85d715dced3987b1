/** When the fds of processes are walked, and what is read of one that replaces some of its sockets; with real ones. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import type { Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openProcessTable } from '../../../agent/collect/open-process-table.ts';
import { OwnerSearch, ownerSweepMs, restedSweepsMax } from '../../../agent/collect/owner-search.ts';
import { Roster } from '../../../agent/collect/roster.ts';
import { loadLibc } from '../../../agent/libc.ts';
import { noSlot } from '../../../agent/netlink/diag-rows.ts';
import { LibcFdReader } from '../../../agent/procfs/libc-fd-reader.ts';
import { parseSocketLink } from '../../../agent/procfs/pid-fd.ts';
import { isUnread, readLink } from '../../../agent/procfs/proc-file.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';
import type { RowCell } from '../../../agent/resolve/holding.ts';
import { UserNames } from '../../../agent/resolve/user-names.ts';
import { until } from '../../support/until.ts';
import { row } from '../sockets.ts';
import { closeAll, connected, fdOf, listen } from './machine.ts';

class CountingReader extends LibcFdReader {
  listings = 0;

  override readFiles(...args: Parameters<LibcFdReader['readFiles']>): ReturnType<LibcFdReader['readFiles']> {
    this.listings++;
    return super.readFiles(...args);
  }
}

let shell: ChildProcess | null = null;
let neighbour: ChildProcess | null = null;

afterEach(async () => {
  shell?.kill('SIGKILL');
  neighbour?.kill('SIGKILL');
  await closeAll();
});

/** Enough that those whose links are read are few among them. */
const socketCount = 32;

/** From when on a process is no longer young. */
const laterMs = 2001;

/** Of an fd of the shell. */
function cellOf(fd: number): RowCell {
  return {
    value: row({ inode: parseSocketLink(readlinkSync(`/proc/${shell!.pid}/fd/${fd}`)) }),
    slot: noSlot,
  };
}

function isSocket(fd: number): boolean {
  const link = readLink(`/proc/${shell!.pid}/fd/${fd}`);
  return !isUnread(link) && parseSocketLink(link) !== 0;
}

function ownersIn({ value }: RowCell): string {
  return value.owners.map(({ process: { pid }, fds }) => `${pid}:${fds.join('+')}`).join(' ');
}

describe('a process that replaces some of its sockets', () => {
  let server: Server;
  let reader: CountingReader;
  let search: OwnerSearch;
  let before: RowCell[];
  let look: (nowMs: number) => Promise<void>;

  /** A shell that holds connections from 3 on, and runs a script when it is told to. */
  async function open(script: (address: string) => string): Promise<void> {
    const [listening, port] = await listen('127.0.0.1');
    server = listening;
    const sockets: number[] = [];
    while (sockets.length < socketCount) sockets.push(fdOf((await connected(server))[0]));
    const text = `echo up; read; ${script(`/dev/tcp/127.0.0.1/${port}`)}; read`;
    shell = spawn('bash', ['--norc', '-c', text], { stdio: ['pipe', 'pipe', 'inherit', ...sockets] });
    await once(shell.stdout!, 'data');
    reader = new CountingReader(await loadLibc());
    const processes = openProcessTable(new UserNames(), {});
    const roster = new Roster('/proc');
    search = new OwnerSearch('/proc', processes, reader);
    look = async (nowMs) => {
      const { residents } = await roster.call(nowMs, new TimeSlice());
      search.begin([]);
      const alone = residents.filter(({ pid }) => pid === shell!.pid);
      await search.search(alone, nowMs, new TimeSlice(), () => true);
    };
    before = sockets.map((_, i) => cellOf(i + 3));
    for (const cell of before) search.shown(cell);
    await look(0);
    expect(before.map(ownersIn)).toEqual(before.map((_, i) => `${shell!.pid}:${i + 3}`));
  }

  /** @returns what it says when it is done */
  async function goOn(): Promise<string> {
    shell!.stdin!.write('go on\n');
    const [said] = (await once(shell!.stdout!, 'data')) as [Buffer];
    return String(said).trim();
  }

  it('is not listed where they have a number that was given back and the next one', async () => {
    await open((address) => `exec 4<&- 5<&-; exec 4<>${address} {new}<>${address}; echo $new`);
    expect(Number(await goOn())).toBe(socketCount + 3);
    for (const cell of before.slice(1, 3)) search.gone(cell);
    const after = [4, socketCount + 3].map(cellOf);
    for (const cell of after) search.shown(cell);
    await look(laterMs);
    expect(after.map(ownersIn)).toEqual([`${shell!.pid}:4`, `${shell!.pid}:${socketCount + 3}`]);
    expect(before.map(ownersIn).slice(3)).toEqual(before.slice(3).map((_, i) => `${shell!.pid}:${i + 6}`));
    expect(reader.listings).toBe(0);
  });

  it('is not listed where it has many more than before, in a row', async () => {
    const more = 2 * socketCount;
    await open((address) => {
      const opening = `for ((i = 0; i < ${more}; i++)); do exec {new}<>${address}; done`;
      return `exec 4<&- 9<&-; ${opening}; echo $new`;
    });
    // Bash has two of them under the numbers that it gave back, or all from the next one on.
    const last = Number(await goOn());
    const held = Array.from({ length: last - 2 }, (_, i) => i + 3).filter((fd) => isSocket(fd));
    expect(held.length).toBe(socketCount - 2 + more);
    for (const fd of [4, 9]) search.gone(before[fd - 3]!);
    const shownBefore = new Set(before.map(({ value }) => value.inode));
    const after = held.map(cellOf).filter(({ value }) => !shownBefore.has(value.inode));
    for (const cell of after) search.shown(cell);
    await look(laterMs);
    expect(after.length).toBe(more);
    const fds = held.filter((fd) => !before.some((cell) => ownersIn(cell) === `${shell!.pid}:${fd}`));
    expect(after.map(ownersIn)).toEqual(fds.map((fd) => `${shell!.pid}:${fd}`));
    expect(reader.listings).toBe(0);
  });

  it('is listed where another program runs in it', async () => {
    await open((address) => `exec 4<&-; exec 4<>${address}; exec cat`);
    await look(2 * laterMs);
    shell!.stdin!.write('go on\n');
    const comm = (): string => readFileSync(`/proc/${shell!.pid}/comm`, 'latin1').trim();
    await until('another program runs', () => comm() === 'cat');
    search.gone(before[1]!);
    const after = cellOf(4);
    search.shown(after);
    // The roster believes what it knew.
    await look(2 * laterMs + 1);
    expect(reader.listings).toBe(1);
    expect(ownersIn(after)).toBe(`${shell!.pid}:4`);
  });
});

describe('the sweep of a process whose fds show no change', () => {
  /** Its clock. */
  let ranNs: number | null;
  let nowMs: number;
  let search: OwnerSearch;
  let look: () => Promise<number>;

  beforeEach(async () => {
    shell = spawn('bash', ['--norc', '-c', 'echo up; read'], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(shell.stdout!, 'data');
    ranNs = 1000;
    nowMs = 0;
    const reader = new LibcFdReader(await loadLibc());
    const processes = openProcessTable(new UserNames(), {});
    const roster = new Roster('/proc');
    search = new OwnerSearch('/proc', processes, reader, { read: () => ranNs });
    look = async () => {
      const { residents } = await roster.call(nowMs, new TimeSlice());
      const before = search.walksTotal;
      const alone = residents.filter(({ pid }) => pid === shell!.pid);
      search.begin([]);
      await search.search(alone, nowMs, new TimeSlice(), () => true);
      nowMs += ownerSweepMs;
      return search.walksTotal - before;
    };
    expect(await look()).toBe(1);
  });

  it('is left out while it has not run, for a limited number of times', async () => {
    for (let i = 0; i < restedSweepsMax; i++) expect(await look()).toBe(0);
    expect(await look()).toBe(1);
    expect(await look()).toBe(0);
  });

  it('is made when it has run', async () => {
    expect(await look()).toBe(0);
    ranNs = 1001;
    expect(await look()).toBe(1);
    expect(await look()).toBe(0);
  });

  it('is made when its clock is not to be read', async () => {
    ranNs = null;
    expect(await look()).toBe(1);
    expect(await look()).toBe(1);
  });
});

describe('who holds a new socket that shows in no count', () => {
  /** Clocks, by pid; those of others stand still. */
  const ranNs = new Map<number, number>();
  let walks: () => Promise<number>;
  let cell: RowCell;

  /** A shell that puts a connection in the place of another file, and one that does nothing. */
  beforeEach(async () => {
    const [, port] = await listen('127.0.0.1');
    const script = `exec 3</dev/null; echo up; read; exec 3<>/dev/tcp/127.0.0.1/${port}; echo up; read`;
    neighbour = spawn('bash', ['--norc', '-c', 'echo up; read'], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(neighbour.stdout!, 'data');
    shell = spawn('bash', ['--norc', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(shell.stdout!, 'data');
    const pids = new Set([shell.pid, neighbour.pid]);
    const processes = openProcessTable(new UserNames(), {});
    const reader = new LibcFdReader(await loadLibc());
    const roster = new Roster('/proc');
    const search = new OwnerSearch('/proc', processes, reader, { read: (pid) => ranNs.get(pid) ?? 1 });
    walks = async () => {
      const before = search.walksTotal;
      const { residents } = await roster.call(0, new TimeSlice());
      search.begin([]);
      const alone = residents.filter(({ pid }) => pids.has(pid));
      await search.search(alone, 0, new TimeSlice(), () => true);
      return search.walksTotal - before;
    };
    ranNs.clear();
    expect(await walks()).toBe(2);
    shell.stdin!.write('go on\n');
    await once(shell.stdout!, 'data');
    cell = cellOf(3);
    search.shown(cell);
  });

  it('is looked for where somebody has run since it was walked', async () => {
    ranNs.set(shell!.pid!, 2);
    expect(await walks()).toBe(1);
    expect(ownersIn(cell)).toBe(`${shell!.pid}:3`);
  });

  it('may be somebody who has not run, and shares the fds of one who has', async () => {
    ranNs.set(neighbour!.pid!, 2);
    expect(await walks()).toBe(2);
    expect(ownersIn(cell)).toBe(`${shell!.pid}:3`);
  });
});
