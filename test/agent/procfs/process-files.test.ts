/** The small files of a process, each with what hostile or old processes put into it. */
import { describe, expect, it } from 'vitest';
import { parseBootId } from '../../../agent/procfs/boot-id.ts';
import { parseLocalPortRange } from '../../../agent/procfs/ip-local-port-range.ts';
import { parseCgroup } from '../../../agent/procfs/pid-cgroup.ts';
import { parseCmdline } from '../../../agent/procfs/pid-cmdline.ts';
import { parseExe } from '../../../agent/procfs/pid-exe.ts';
import { parseSocketLink } from '../../../agent/procfs/pid-fd.ts';
import { parseNetnsLink } from '../../../agent/procfs/pid-netns.ts';
import { parsePidStat } from '../../../agent/procfs/pid-stat.ts';
import { parseEffectiveCapabilities, parseUid } from '../../../agent/procfs/pid-status.ts';

/** Fields 4 to 22 of a stat line; field 9 are the flags, 20 the threads, 22 the start time. */
function statLine(comm: string, state = 'S', flags = 4194304): Buffer {
  return Buffer.from(
    `25465 (${comm}) ${state} 1 25465 25465 0 -1 ${flags} 9 0 0 0 1 2 0 0 20 0 3 0 987654 1000 5\n`,
  );
}

describe('stat', () => {
  it.each(['index_search', 'a b', 'a) S 1 (b', '((', '', ') R 1 1 1', 'new\nline'])('the name %j', (comm) => {
    expect(parsePidStat(statLine(comm))).toEqual({
      comm,
      state: 'S',
      isKernelThread: false,
      threads: 3,
      startTicks: 987654,
    });
  });

  it('a thread of the kernel', () => {
    expect(parsePidStat(statLine('kthreadd', 'S', 2129984))?.isKernelThread).toBe(true);
  });

  it.each(['', '25465', '25465 (x', '25465 (x) S 1 2'])('no stat line: %j', (text) => {
    expect(parsePidStat(Buffer.from(text))).toBeNull();
  });

  it.each(['-1', '1e400', '9007199254740993', ''])('no start time: %j', (ticks) => {
    const line = statLine('x').toString().replace('987654', ticks);
    expect(parsePidStat(Buffer.from(line))).toBeNull();
  });
});

describe('status', () => {
  it('the effective user', () =>
    expect(parseUid('Name:\tx\nUid:\t1000\t33\t0\t7\nGid:\t1\t2\t3\t4\n')).toBe(33));
  it('a name that looks like the line', () =>
    expect(parseUid('Name:\tUid:\t9\t9\nUid:\t1\t2\t3\t4\n')).toBe(2));
  it('no such line', () => expect(parseUid('Name:\tx\n')).toBeNull());
  it('no user', () => expect(parseUid('Uid:\t1\t99999999999\t3\t4\n')).toBeNull());
});

describe('capabilities', () => {
  it('are a bit set', () =>
    expect(parseEffectiveCapabilities('CapPrm:\t1\nCapEff:\t0000000000080004\n')).toBe(0x80004n));
  it('none without the line', () => expect(parseEffectiveCapabilities('Name:\tx\n')).toBe(0n));
});

describe('cmdline', () => {
  it.each([
    ['arguments', './index_search\0-c\0conf\0', ['./index_search', '-c', 'conf']],
    ['an empty argument', 'a\0\0b\0', ['a', '', 'b']],
    ['a rewritten title', 'nginx: worker process\0\0\0\0', ['nginx: worker process']],
    ['no final NUL', 'a\0b', ['a', 'b']],
    ['a kernel thread', '', []],
  ])('%s', (_, text, args) => expect(parseCmdline(Buffer.from(text))).toEqual(args));
});

describe('exe', () => {
  it('is the path', () => expect(parseExe('/usr/bin/node')).toBe('/usr/bin/node'));
  it('of an upgraded package', () => expect(parseExe('/usr/bin/node (deleted)')).toBe('/usr/bin/node'));
});

describe('fd', () => {
  it.each([
    ['socket:[2305224138]', 2305224138],
    ['pipe:[12]', 0],
    ['/dev/null', 0],
    ['socket:[', 0],
    ['socket:[x]', 0],
    ['/tmp/socket:[12]', 0],
  ])('%s', (link, inode) => expect(parseSocketLink(link)).toBe(inode));
});

describe('ns/net', () => {
  it('is an inode', () => expect(parseNetnsLink('net:[4026531992]')).toBe(4026531992));
  it('and nothing else', () => expect(parseNetnsLink('mnt:[4026531992]')).toBeNull());
});

describe('cgroup', () => {
  it('reads v1, hybrid and v2 lines', () => {
    expect(parseCgroup('4:memory:/a\n1:name=systemd:/b:c\n0::/d\ngarbage\n')).toEqual([
      { controllers: 'memory', path: '/a' },
      { controllers: 'name=systemd', path: '/b:c' },
      { controllers: '', path: '/d' },
    ]);
  });
});

describe('the machine', () => {
  const bootId = 'f1e95b3c-6f0a-4a39-a1b6-2c1d7a0f5f11';
  it('boot id', () => expect(parseBootId(`${bootId}\n`)).toBe(bootId));
  it('no boot id', () => expect(parseBootId('x\n')).toBeNull());
  it('port range', () => expect(parseLocalPortRange('32768\t60999\n')).toEqual([32768, 60999]));
  it.each(['', '1', '5 4', '1 70000', 'a b'])('no port range: %j', (text) => {
    expect(parseLocalPortRange(text)).toBeNull();
  });
});
