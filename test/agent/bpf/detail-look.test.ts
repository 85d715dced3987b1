/** Executables and command lines out of the memory of processes, beside what /proc shows of them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadBpfCalls } from '../../../agent/bpf/bpf-calls.ts';
import { detailKernel } from '../../../agent/bpf/detail-kernel.ts';
import { argumentsIn, DetailLook, parsePathParts } from '../../../agent/bpf/detail-look.ts';
import { wantedMask } from '../../../agent/bpf/detail-memory.ts';
import { kernelLayout, readOwnBtf } from '../../../agent/bpf/kernel-layout.ts';
import { learn } from '../../../agent/bpf/learn.ts';
import { readPids } from '../../../agent/procfs/pids.ts';
import { isUnread } from '../../../agent/procfs/proc-file.ts';
import { until } from '../../support/until.ts';
import { type ChildNode, Children } from '../collect/child-node.ts';
import { whyNoEbpf } from './live-kernel.ts';

describe('the parts of a path', () => {
  it.each([
    ['node\0bin\0usr\0', '/usr/bin/node'],
    ['init\0', '/init'],
    ['memfd:x\0', '/memfd:x'],
    ['', null],
  ])('%j', (parts, path) => expect(parsePathParts(Buffer.from(parts))).toBe(path));
});

describe('the copied bytes', () => {
  it.each([
    ['are arguments', 'a\0b\0', 4, 'a\0b\0'],
    [
      'are a title that goes on in the environment',
      'nginx: worker process\0PATH=x\0',
      6,
      'nginx: worker process\0',
    ],
    ['are a title that fills all of it', 'nginx: wor', 6, 'nginx: wor'],
    ['are some of many arguments', 'a\0bcd', 100, 'a\0bcd'],
    ['are not there', '', 100, ''],
    ['are none', '', 0, ''],
  ])('%s', (_, copied, argsBytes, args) => {
    expect(argumentsIn(Buffer.from(copied), argsBytes).toString()).toBe(args);
  });
});

const children = new Children();
const sleepers: ChildProcess[] = [];
const obstacle = await whyNoEbpf();
const idle = "console.log('up'); setInterval(() => {}, 1e6);";

describe.skipIf(obstacle !== null)('the look', () => {
  let look: DetailLook;
  const folder = mkdtempSync(join(tmpdir(), 'whotalks-exe-'));

  beforeAll(async () => {
    const calls = await loadBpfCalls();
    const btf = readOwnBtf();
    const kernel = kernelLayout(btf);
    const { pidLevel } = await learn(calls, kernel, process.pid);
    look = await DetailLook.open(calls, kernel, detailKernel(btf), pidLevel);
  });
  afterEach(async () => {
    for (const sleeper of sleepers.splice(0)) sleeper.kill('SIGKILL');
    await children.endAll();
  });
  afterAll(() => {
    look.close();
    look.close();
    rmSync(folder, { recursive: true });
  });

  /** exe and arguments of the asked ones. */
  async function seen(pids: readonly number[]): Promise<Map<number, { exe: string | null; args: string }>> {
    const found = new Map<number, { exe: string | null; args: string }>();
    await look.read(pids, ({ pid, exe, args }) => {
      if (pids.includes(pid)) found.set(pid, { exe, args: args.toString() });
    });
    return found;
  }

  /** As seen, of one whose arguments can be read: they are not told while one of its threads is changing the memory. */
  async function seenWhole(pid: number): Promise<{ exe: string | null; args: string }> {
    let told: { exe: string | null; args: string } | undefined;
    await until('its arguments are told', async () => {
      told = (await seen([pid])).get(pid);
      return told !== undefined && told.args !== '';
    });
    return told!;
  }

  async function startChild(...start: Parameters<Children['start']>): Promise<ChildNode> {
    const child = children.start(...start);
    await child.line();
    return child;
  }

  /** Runs a copy of sleep(1) that lies at `path`. @returns its pid */
  async function sleepAs(path: string): Promise<number> {
    copyFileSync('/bin/sleep', path);
    const sleeper = spawn(path, ['1000'], { argv0: 'server', stdio: 'ignore' });
    sleepers.push(sleeper);
    await once(sleeper, 'spawn');
    const pid = sleeper.pid!;
    // The kernel says that a program is begun a moment before it has laid out the arguments.
    await until('it has its arguments', () => shownBy(pid)?.args === 'server\x001000\0');
    return pid;
  }

  it('tells of all processes at once what /proc tells', async () => {
    const pids = readPids('/proc');
    if (isUnread(pids)) throw new Error('there is no /proc');
    const agreed = new Set<number>();
    // Others go on meanwhile: whoever differs is looked at again, as it may have begun another program in between.
    await until('everybody is told as shown', async () => {
      const left = pids.filter((pid) => !agreed.has(pid) && shownBy(pid) !== null);
      const found = await seen(left);
      const differing: unknown[] = [];
      for (const pid of left) {
        const shown = shownBy(pid);
        const told = found.get(pid);
        const isSame = told?.exe === shown?.exe && told?.args === shown?.args.slice(0, 4096);
        if (isSame) agreed.add(pid);
        else differing.push([pid, told, shown]);
      }
      return differing.length === 0 || JSON.stringify(differing);
    });
    expect(agreed.size).toBeGreaterThan(3);
    expect(agreed).toContain(process.pid);
  });

  it('tells of whoever shares a bit, and of nobody else', async () => {
    const child = await startChild(idle);
    const told: number[] = [];
    await look.read([child.pid + wantedMask + 1], ({ pid }) => told.push(pid));
    expect(told).toContain(child.pid);
    expect(told.filter((pid) => (pid & wantedMask) !== (child.pid & wantedMask))).toEqual([]);
    expect(await seen([])).toEqual(new Map());
  });

  it('tells of an executable that was moved, and then removed', async () => {
    const deep = join(folder, ...Array.from({ length: 30 }, (_, i) => `${i}-${'x'.repeat(30)}`));
    mkdirSync(deep, { recursive: true });
    const pid = await sleepAs(join(deep, 'server'));
    const exe = async (): Promise<string | null> => (await seen([pid])).get(pid)!.exe;
    expect(await exe()).toBe(join(deep, 'server'));
    renameSync(join(deep, 'server'), join(folder, 'moved'));
    expect(await exe()).toBe(join(folder, 'moved'));
    unlinkSync(join(folder, 'moved'));
    expect(await exe()).toBe(join(folder, 'moved'));
  });

  it('does not tell of a path that is longer than it reads', async () => {
    const deep = join(folder, ...Array.from({ length: 12 }, () => 'y'.repeat(200)));
    mkdirSync(deep, { recursive: true });
    const pid = await sleepAs(join(deep, 'server'));
    expect(await seenWhole(pid)).toEqual({ exe: null, args: 'server\x001000\0' });
  });

  it('tells the beginning of long arguments', async () => {
    const child = await startChild(`/*${'z'.repeat(10_000)}*/ ${idle}`);
    const told = await seenWhole(child.pid);
    expect(told.args).toHaveLength(4096);
    expect(shownBy(child.pid)!.args.startsWith(told.args)).toBe(true);
  });

  it('tells a title, and nothing of the environment behind it', async () => {
    const title = 'shop: worker process of the second kind';
    const child = await startChild(`process.title = ${JSON.stringify(title)}; ${idle}`, {
      prefix: ['env', 'SECRET=hunter2'],
    });
    const told = await seenWhole(child.pid);
    expect(told.args.replace(/\0+$/, '')).toBe(shownBy(child.pid)!.args.replace(/\0+$/, ''));
    expect(told.args).toContain('shop: worker');
    expect(told.args).not.toContain('hunter2');
  });

  it('tells of a process whose first thread has exited', async () => {
    const child = children.start(`
      const { Worker } = require('node:worker_threads');
      const koffi = require('koffi');
      const exit = () => koffi.load(null).func('long syscall(long, ...)')(60, 'long', 0);
      new Worker("setInterval(() => {}, 1e6); require('node:worker_threads').parentPort.postMessage('up')", { eval: true })
        .on('message', () => { require('node:fs').writeSync(1, 'up\\n'); exit(); });
    `);
    await child.line();
    await until('its first thread is a zombie', () =>
      / Z /.test(readFileSync(`/proc/${child.pid}/stat`, 'latin1')),
    );
    // Its threads go on, and arguments are not told while one of them is changing the memory.
    await until('its arguments are told', async () => {
      const told: string[] = [];
      await look.read([child.pid], ({ pid, exe, args }) => {
        if (pid === child.pid) told.push(`${exe} ${args.toString().split('\0', 2).join(' ')}`);
      });
      expect(told).toHaveLength(1);
      return told[0] === `${process.execPath} ${process.execPath} -e` || JSON.stringify(told);
    });
  });

  it('reads nothing of a file that somebody shows as arguments, as such a file may never answer', async () => {
    const file = join(folder, 'arguments');
    copyFileSync(process.execPath, file);
    const child = await startChild(argumentsInFile(file));
    expect(shownBy(child.pid)!.args).toBe('');
    expect((await seen([child.pid])).get(child.pid)).toEqual({ exe: process.execPath, args: '' });
  });
});

/** A program whose arguments lie in a mapping of `file`, as anybody may have them: prctl(PR_SET_MM, PR_SET_MM_MAP). */
function argumentsInFile(file: string): string {
  return `
    const { openSync, readFileSync } = require('node:fs');
    const koffi = require('koffi');
    const libc = koffi.load(null);
    const mmap = libc.func('intptr_t mmap(intptr_t, size_t, int, int, int, int64_t)');
    const prctl = libc.func('int prctl(int, unsigned long, void *, unsigned long, unsigned long)');
    const sbrk = libc.func('intptr_t sbrk(intptr_t)');
    const at = mmap(0, 4096, 1, 2, openSync(${JSON.stringify(file)}, 'r'), 0);
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const field = (number) => BigInt(fields[number - 3]);
    const [code, data, heap] = [[26, 27], [45, 46], 47].map((numbers) => [numbers].flat().map(field));
    const args = [BigInt(at), BigInt(at) + 100n];
    const map = [...code, ...data, ...heap, BigInt(sbrk(0)), field(28), ...args, field(50), field(51), 0n, 0xffffffff00000000n];
    const bytes = Buffer.alloc(map.length * 8);
    map.forEach((value, i) => bytes.writeBigUInt64LE(value, i * 8));
    if (prctl(35, 14, bytes, bytes.length, 0) !== 0) throw new Error('prctl: ' + koffi.errno());
    ${idle}
  `;
}

/** What /proc shows; null for whoever is gone. */
function shownBy(pid: number): { exe: string; args: string } | null {
  try {
    const exe = readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '');
    return { exe, args: readFileSync(`/proc/${pid}/cmdline`, 'utf8') };
  } catch {
    return null;
  }
}
