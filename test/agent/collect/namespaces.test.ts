/** Real network namespaces, and a real lack of privilege. */
import { statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createProcfsCollector } from '../../../agent/collect/procfs-collector.ts';
import { denied } from '../../../agent/procfs/proc-file.ts';
import { children, closeAll, holders, listen, scanBy, scanOnce, withPorts, workingRungs } from './machine.ts';

afterEach(closeAll);

const isRoot = process.geteuid?.() === 0;

describe.skipIf(!isRoot).each(workingRungs)('%s, as root', (rung) => {
  beforeEach(() => scanBy(rung));

  /** Listens on a fixed endpoint and connects to it from a fixed port: the same four-tuples in every namespace. */
  const pair = `
    const net = require('node:net');
    const server = net.createServer().listen(18083, '127.0.0.1', () => {
      net.connect({ port: 18083, host: '127.0.0.1', localPort: 28083 }, () => console.log('up'));
    });
  `;

  it('two namespaces with equal tuples are told apart', async () => {
    const prefix = ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"'];
    const both = [0, 1].map(() => children.start(pair, { prefix }));
    for (const child of both) expect(await child.line()).toBe('up');
    const scan = await scanOnce();
    // Whoever else runs these tests on this machine has such pairs too.
    const inodes = both.map(({ pid }) => statSync(`/proc/${pid}/ns/net`).ino);
    const clientEnds = inodes.flatMap((netns) => withPorts(scan, 28083, 18083, netns));
    expect(clientEnds).toHaveLength(2);
    expect(new Set(clientEnds.map(({ netns }) => netns)).size).toBe(2);
    expect(clientEnds.flatMap(holders).toSorted((a, b) => a - b)).toEqual(
      both.map(({ pid }) => pid).toSorted((a, b) => a - b),
    );
    for (const { netns } of clientEnds) {
      expect(scan.netns.find(({ inode }) => inode === netns)).toMatchObject({ isHost: false, addresses: [] });
      expect(scan.scannedNetns.has(netns)).toBe(true);
    }
  });

  it('addresses of a namespace are read from the outside', async () => {
    const setUp =
      'ip link set lo up && ip link add veth0 type veth peer name veth1 && ip address add 10.77.0.2/24 dev veth0 && ' +
      'ip address add fd77::2/64 dev veth0 nodad && ip link set veth0 up && ip link set veth1 up && exec "$0" "$@"';
    const child = children.start(
      'console.log(require("fs").readlinkSync("/proc/self/ns/net"));setInterval(() => {}, 1e6)',
      {
        prefix: ['unshare', '-n', 'sh', '-c', setUp],
      },
    );
    const inode = Number(/\d+/.exec(await child.line())![0]);
    const { netns } = await scanOnce();
    const { addresses } = netns.find((one) => one.inode === inode)!;
    expect(addresses).toContainEqual({ ip: '10.77.0.2', prefixLength: 24, device: 'veth0' });
    expect(addresses).toContainEqual({ ip: 'fd77::2', prefixLength: 64, device: 'veth0' });
    expect(addresses.filter(({ ip }) => ip.startsWith('127.') || ip === '::1')).toEqual([]);
  });
});

/** Without privilege there is no eBPF. */
const unprivilegedRungs = workingRungs.filter((rung) => !rung.startsWith('ebpf'));

describe.skipIf(!isRoot).each(unprivilegedRungs)('%s, without privileges', (rung) => {
  it('every row, owners of the own processes, and what is missing is said', async () => {
    const [, port] = await listen('127.0.0.1');
    const nobody = 65534;
    const theirs = children.start(
      "const s = require('node:net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))",
      { uid: nobody },
    );
    const theirPort = Number(await theirs.line());
    const alone = createProcfsCollector();
    process.seteuid!(nobody);
    try {
      // Opened without privileges too, as by a user's agent.
      await scanBy(rung);
      const scan = await scanOnce();
      expect(withPorts(scan, theirPort, 0).map(holders)).toEqual([[theirs.pid]]);
      expect(withPorts(scan, port, 0)).toHaveLength(1);
      expect(scan.cannotSee).toEqual([
        expect.stringMatching(
          /^The open files of \d+ processes cannot be read, so their sockets show no owner: this needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; run as root\.$/,
        ),
        expect.stringMatching(
          /^The network namespace of \d+ processes is unknown, so sockets of other namespaces may be missing: .*; run as root\.$/,
        ),
      ]);
      expect(await alone.scanProcess(process.ppid)).toBe(denied);
    } finally {
      process.seteuid!(0);
      alone.close();
    }
  });
});
