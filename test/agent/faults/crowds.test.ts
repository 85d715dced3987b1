/** Much of everything: forks, namespaces that come and go, no pid left, a process with very many files, and a netlink queue that is full. */
import { release } from 'node:os';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createSockdiagCollector } from '../../../agent/collect/sockdiag-collector.ts';
import { loadLibc } from '../../../agent/libc.ts';
import { type Inhabitant, Place, rowsHeldBy, type Scanner } from '../../support/faults/place.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';
import { until } from '../../support/until.ts';
import { closeAll, holders, listen, withPorts, workingRungs } from '../collect/machine.ts';

const everybody = rowsHeldBy('root', 'user');

/** Crowds slow down whoever else is on the machine, and are slowed down by them. */
vi.setConfig({ testTimeout: 90_000 });

/** Forks as fast as it can until its input ends, and then prints how often. */
const forks = `
  use Fcntl;
  fcntl(STDIN, F_SETFL, O_NONBLOCK); $| = 1; $n = 0;
  print "up\\n";
  until (defined sysread(STDIN, $byte, 1)) {
    for (1 .. 20) { my $child = fork; exit if defined $child && !$child; $n++ if defined $child; }
    1 while waitpid(-1, 0) > 0;
  }
  print "$n\\n";
`;

/** Makes and leaves network namespaces until its input ends. */
const namespaces = `
  echo up
  while ! read -t 0; do for i in 1 2 3 4; do unshare --net true & done; wait; done
  echo over
`;

/** Fills its pid namespace, and stays. */
const fillPids = `
  open(F, '>', '/proc/sys/kernel/pid_max'); syswrite(F, '301'); close(F);
  $| = 1; $n = 0;
  while (defined(my $child = fork)) { if (!$child) { sleep 1000 } $n++; }
  print "$n\\n";
  sleep 1000;
`;

/** Opens as many files as it may, up to 100,000, listens under the last fd, and stays. */
const fillDescriptors = `
  use Socket;
  my @files;
  while (@files < 99_990 && open(my $file, '<', '/dev/null')) { push @files, $file }
  close(pop @files) for 1 .. 5;
  socket(my $listener, PF_INET, SOCK_STREAM, 0) or die;
  bind($listener, sockaddr_in(18082, INADDR_LOOPBACK)) or die; listen($listener, 5) or die;
  $| = 1; print fileno($listener), "\\n"; sleep 1000;
`;

const [major = 0, minor = 0] = release().split('.').map(Number);
const hasOwnPidMax = major > 6 || (major === 6 && minor >= 14);

describe.runIf(canMakeNamespaces)('in a crowd', () => {
  let place: Place;

  beforeEach(async () => {
    place = await Place.open();
  });
  afterEach(() => place.close());

  /** All rungs, ready. */
  async function scanners(): Promise<Scanner[]> {
    const all = workingRungs.map((rung) => place.scanner(rung));
    await Promise.all(all.map((scanner) => scanner.scan()));
    return all;
  }

  /** What stays is there in the last of some scans, and was told closed in none. */
  async function expectSteady(all: readonly Scanner[], scans: number): Promise<void> {
    for (const scan of await Promise.all(all.map((scanner) => scanner.scan(scans)))) {
      expect([scan.collector, place.rows(scan)]).toEqual([scan.collector, everybody]);
      expect([scan.cannotSee, scan.malformedTotal, place.rows({ sockets: scan.closed })]).toEqual([
        [],
        0,
        [],
      ]);
    }
  }

  async function run(argv: readonly string[]): Promise<Inhabitant> {
    const program = place.start(argv);
    expect(await program.line()).toBe('up');
    return program;
  }

  it('a process that forks as fast as it can', async () => {
    const all = await scanners();
    const forking = await run(['perl', '-e', forks]);
    await expectSteady(all, 12);
    forking.endInput();
    expect(Number(await forking.line())).toBeGreaterThan(100);
  });

  it('namespaces that come and go during scans; none of them is kept', async () => {
    const all = await scanners();
    const openFiles = async (): Promise<number[]> => {
      const pids = await Promise.all(all.map(async (scanner) => (await scanner.scan()).pid));
      const counts = pids.map((pid) => place.namespace.run(['sh', '-c', `ls /proc/${pid}/fd | wc -l`]));
      return (await Promise.all(counts)).map(Number);
    };
    const passBy = async (): Promise<void> => {
      const making = await run(['bash', '-c', namespaces]);
      await expectSteady(all, 12);
      making.endInput();
      expect(await making.line()).toBe('over');
      await until('each shows one namespace', async () => {
        const seen = await Promise.all(all.map(async (scanner) => (await scanner.scan()).netns.length));
        return seen.every((count) => count === 1) || seen.join();
      });
    };
    // What is opened once, for the own namespace, is open after the first time.
    await passBy();
    const before = await openFiles();
    await passBy();
    await until('each has as many files open as before', async () => {
      const counts = await openFiles();
      return counts.every((count, n) => count <= before[n]!) || `${counts.join()} after ${before.join()}`;
    });
  });

  it.runIf(hasOwnPidMax)('no pid is left', async () => {
    const all = await scanners();
    const filling = place.start(['perl', '-e', fillPids]);
    expect(Number(await filling.line())).toBeGreaterThan(200);
    await expectSteady(all, 3);
  });

  it('a process with as many files as it may have, and the socket is the last of them', async () => {
    const filling = place.start(['sh', '-c', 'ulimit -n $(ulimit -Hn); exec perl -e "$0"', fillDescriptors]);
    const fd = Number(await filling.line());
    expect(fd).toBeGreaterThan(1000);
    for (const scanner of await scanners()) {
      const { sockets } = await scanner.scan();
      const found = sockets.filter(({ local }) => local.port === 18082);
      expect(found.map(({ owners }) => owners.map(({ process, fds }) => [process.comm, fds]))).toEqual([
        [['perl', [fd]]],
      ]);
    }
  });
});

describe('a netlink queue that is full', () => {
  afterEach(closeAll);

  it('a namespace whose dump fails is read from /proc, and by sock_diag again in the next scan', async () => {
    const enobufs = 105;
    const state = { recvs: 0, failAt: 0, failed: 0 };
    const collector = await createSockdiagCollector({
      loadLibc: async () => {
        const libc = await loadLibc();
        return {
          ...libc,
          recv: (...args) => {
            state.failed = ++state.recvs === state.failAt ? enobufs : 0;
            return state.failed === 0 ? libc.recv(...args) : -1;
          },
          errno: () => (state.failed === 0 ? libc.errno() : state.failed),
        };
      },
    });
    try {
      const [, port] = await listen('127.0.0.1');
      await collector.scan();
      for (const failAt of [1, 3]) {
        Object.assign(state, { recvs: 0, failAt });
        const scan = await collector.scan();
        expect(withPorts(scan, port, 0).map(holders)).toEqual([[process.pid]]);
        expect(state.recvs).toBeGreaterThanOrEqual(failAt);
      }
    } finally {
      collector.close();
    }
  });
});
