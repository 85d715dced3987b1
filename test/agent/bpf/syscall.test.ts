/** bpf(2): what the kernel says when it refuses, and that nothing stays open. */
import { readdirSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../../agent/bpf/assembler.ts';
import { type BpfCalls, loadBpfCalls } from '../../../agent/bpf/bpf-calls.ts';
import { BpfError } from '../../../agent/bpf/bpf-error.ts';
import { readKernelBtf } from '../../../agent/bpf/btf.ts';
import { exit, load, move } from '../../../agent/bpf/instruction.ts';
import { readKernelLayout } from '../../../agent/bpf/kernel-layout.ts';
import { MappedArray } from '../../../agent/bpf/mapped-array.ts';
import { SocketScan } from '../../../agent/bpf/socket-scan.ts';
import { createArrayMap, loadIteratorProgram, verdict } from '../../../agent/bpf/syscall.ts';
import { refusingCalls, whyNoEbpf } from './live-kernel.ts';

describe('the verdict', () => {
  const listing = ['0: r1 = *(u64 *)(r2 + 8)  ; task_struct.files', '1: exit'];

  it('is the last line before the statistics, with the instruction that it is about', () => {
    const log =
      '0: R1=ctx()\n0: (79) r1 = *(u64 *)(r2 +8)\nR2 !read_ok\nprocessed 1 insns (limit 1000000)\n\0\0';
    expect(verdict(log, listing)).toBe('R2 !read_ok (at 0: r1 = *(u64 *)(r2 + 8)  ; task_struct.files)');
  });

  it('may be about no instruction, or missing', () => {
    expect(verdict('missing btf func_info\n\0', listing)).toBe('missing btf func_info');
    expect(verdict('\0', listing)).toBe('no reason given');
  });
});

const obstacle = await whyNoEbpf();

/** Fds of this process that lead to something of eBPF's. */
function bpfFds(): string[] {
  const fds: string[] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      if (/bpf|btf/.test(target)) fds.push(target);
    } catch {
      // The fd of the listing itself is gone.
    }
  }
  return fds.toSorted();
}

describe.skipIf(obstacle !== null)('the kernel', () => {
  it('a program that it refuses is refused in words', async () => {
    const calls = await loadBpfCalls();
    const iterator = readKernelBtf().id('func', 'bpf_iter_task');
    const { bytes, listing } = assemble([
      load('r3', 'r5', { name: 'task_struct.files', offset: 8, bytes: 8 }),
      move('r0', 0),
      exit(),
    ]);
    const program = { name: 'wrong', instructions: bytes, listing, iterator };
    await expect(loadIteratorProgram(calls, program)).rejects.toThrow(
      'cannot load the program wrong: EACCES: R5 !read_ok (at 0: r3 = *(u64 *)(r5 + 8)  ; task_struct.files)',
    );
  });

  it('a program is loaded aside, so that the event loop goes on while the verifier is at work', async () => {
    const calls = await loadBpfCalls();
    const programLoad = 5;
    const [here, aside] = [new Set<number>(), [] as number[]];
    const noting: BpfCalls = {
      ...calls,
      bpf: (command, attributes) => {
        here.add(command);
        return calls.bpf(command, attributes);
      },
      bpfAside: (command, attributes) => {
        aside.push(command);
        return calls.bpfAside(command, attributes);
      },
    };
    (await SocketScan.open(noting, readKernelLayout())).close();
    expect(here).not.toContain(programLoad);
    // That which learns, and that which scans.
    expect(aside).toEqual([programLoad, programLoad]);
  });

  it('a load that a signal breaks off is tried again, five times in all', async () => {
    const calls = await loadBpfCalls();
    const iterator = readKernelBtf().id('func', 'bpf_iter_task');
    const { bytes, listing } = assemble([move('r0', 0), exit()]);
    const program = { name: 'twice', instructions: bytes, listing, iterator };
    const interrupted = (times: number): [BpfCalls, () => number] => {
      let attempts = 0;
      const bpfAside: BpfCalls['bpfAside'] = async (...asked) =>
        ++attempts <= times ? { result: -1, errno: constants.errno.EAGAIN } : calls.bpfAside(...asked);
      return [{ ...calls, bpfAside }, () => attempts];
    };
    const [fourTimes, attempts] = interrupted(4);
    calls.close(await loadIteratorProgram(fourTimes, program));
    expect(attempts()).toBe(5);
    const [always, attemptsInVain] = interrupted(99);
    await expect(loadIteratorProgram(always, program)).rejects.toThrow(
      /^cannot load the program twice: EAGAIN/,
    );
    expect(attemptsInVain()).toBe(5);
  });

  it('a map that is too large is refused with its name', async () => {
    const calls = await loadBpfCalls();
    expect(() => createArrayMap(calls, 'huge', 8, 2 ** 32 - 1)).toThrow(
      /^cannot create the map huge: E[0-9A-Z]+$/,
    );
    expect(() => createArrayMap(calls, 'name_of_16_bytes', 8, 1)).toThrow(RangeError);
  });

  it('a map is memory until it is closed', async () => {
    const before = bpfFds();
    const map = MappedArray.create(await loadBpfCalls(), 'test', 16, 1000);
    expect(map.bytes.length).toBe(16_000);
    expect(map.bytes.every((byte) => byte === 0)).toBe(true);
    map.bytes[15_999] = 7;
    expect(bpfFds().length).toBe(before.length + 1);
    map.close();
    map.close();
    expect(() => map.bytes).toThrow('the map is closed');
    expect(bpfFds()).toEqual(before);
  });

  it.each([
    ['cannot create the map learned: EPERM', 0],
    ['cannot load the program learn: EPERM', 5],
    ['cannot load the types of a program: EPERM', 18],
    ['cannot attach an iterator: EPERM', 28],
    ['cannot start an iteration: EPERM', 33],
  ])('leaves nothing open: %s', async (message, command) => {
    const before = bpfFds();
    const calls = await refusingCalls(command, 1);
    const error = await SocketScan.open(calls, readKernelLayout()).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(BpfError);
    expect(error).toMatchObject({ code: 'EPERM', message });
    expect(bpfFds()).toEqual(before);
  });
});
