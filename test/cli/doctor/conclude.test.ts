/** What doctor concludes from what it found, and the kernel's files it reads. */
import { describe, expect, test } from 'vitest';
import { hasCapability } from '../../../cli/doctor/capabilities.ts';
import { conclude } from '../../../cli/doctor/conclude.ts';
import type { Findings } from '../../../cli/doctor/findings.ts';
import { parseHidepid } from '../../../cli/doctor/mounts.ts';
import type { AboutDocument } from '../../../model/document.ts';

const about: AboutDocument = {
  apiVersion: 'whotalks/v1',
  asOf: '2026-02-03T04:05:06.000Z',
  version: '0.1.0',
  since: '2026-02-03T04:05:06.000Z',
  grpcAddress: '127.0.0.1:7443',
  httpAddress: '127.0.0.1:7480',
  insecure: false,
  bus: {
    name: 'in-process',
    state: 'connected',
    since: '2026-02-03T04:05:06.000Z',
    error: null,
    published: 0,
    lost: 0,
    queued: 0,
  },
  data: { folder: '/var/lib/whotalks/data', state: 'durable', since: null, error: null, bytes: 9 },
};

const healthy: Findings = {
  kernel: '6.1.0',
  btfProblem: null,
  uid: 0,
  effectiveCapabilities: 0x1ffffffffffn,
  processes: 90,
  closedProcesses: 0,
  hidepid: '0',
  surroundings: { pidNamespace: 'machine', isNetworkOfFirst: true, isLoopbackUp: true },
  rungs: [
    { name: 'sockdiag', problem: null, lost: 'speed', fix: 'allow it' },
    { name: 'procfs', problem: null, lost: 'everything', fix: 'mount it' },
  ],
  events: [{ name: 'ebpf', problem: null, lost: 'short connections', fix: 'allow it' }],
  scan: { collector: 'sockdiag', sockets: 41, namespaces: 2, cannotSee: [], costMs: 3 },
  scanProblem: null,
  koffiProblem: null,
  rtnetlinkProblem: null,
  conntrack: { kind: 'works' },
  server: '127.0.0.1:7443',
  insecure: false,
  about,
  serverProblem: null,
  serverRemedy: null,
};
const lacking = (findings: Partial<Findings>) =>
  conclude({ ...healthy, ...findings }, 'whotalks').filter(({ state }) => state === 'lacking');

const userFix = 'sudo whotalks doctor';
const byEbpf = { collector: 'ebpf', sockets: 41, namespaces: 2, cannotSee: [], costMs: 3 };
const ofOthers = "the processes behind other users' sockets";
const detailsOfOthers = "the executables and command lines of other users' processes";

describe('conclude', () => {
  test('nothing is lacking on a healthy host', () => {
    expect(lacking({})).toEqual([]);
    expect(conclude(healthy, 'whotalks').map(({ check, detail }) => `${check}: ${detail}`)).toEqual([
      'kernel: 6.1.0',
      'BTF: works',
      'koffi: works',
      'rtnetlink: works',
      'conntrack: works',
      'user: root',
      'capabilities: CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN',
      'processes: 90, and the open files of each can be read',
      'hidepid: off',
      'pid namespace: that of the machine',
      'network namespace: that of process 1',
      'collector sockdiag: works: agents here read sockets this way',
      'collector procfs: works',
      'sockets: 41 in 2 network namespaces, by sockdiag',
      'CPU: a scan takes 3.0 ms of CPU: 0.3 % of a core at one per second, of 2 % allowed',
      'events ebpf: works',
      'server: 127.0.0.1:7443 answers, version 0.1.0',
      'data: kept in /var/lib/whotalks/data',
      'insecure: not in use',
    ]);
  });

  test('an aggregator that keeps nothing, or cannot, says so', () => {
    const data = { folder: null, state: 'memory', since: null, error: null, bytes: 0 } as const;
    const lost = 'after a restart of the aggregator: what closed shortly before, and totals of edges';
    expect(lacking({ about: { ...about, data } })).toEqual([
      {
        check: 'data',
        state: 'lacking',
        detail: 'kept in memory',
        lost,
        fix: 'name a folder at the aggregator with --data DIR',
      },
    ]);
    const failing = { ...data, folder: '/d', state: 'failing', error: 'the disk is full' } as const;
    expect(lacking({ about: { ...about, data: failing } })).toEqual([
      {
        check: 'data',
        state: 'lacking',
        detail: 'the disk fails: the disk is full',
        lost,
        fix: 'make room, or see to the disk',
      },
    ]);
    expect(lacking({ about: { ...about, data: null } })).toEqual([]);
  });

  test('an ordinary user is told what is lost and which command fixes it', () => {
    expect(
      lacking({ uid: 1000, effectiveCapabilities: 0n, closedProcesses: 80, hidepid: 'invisible' }),
    ).toEqual([
      {
        check: 'capabilities',
        state: 'lacking',
        detail: 'not CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN',
        lost:
          'eBPF: the scans that cost least, and the connections between two of them; ' +
          `${ofOthers}; the fast way into other network namespaces`,
        fix: userFix,
      },
      {
        check: 'processes',
        state: 'lacking',
        detail: '90; the open files of 80 of them are closed to whotalks',
        lost: 'the processes behind their sockets',
        fix: userFix,
      },
      {
        check: 'hidepid',
        state: 'lacking',
        detail: 'invisible',
        lost: 'every process of other users',
        fix: 'sudo mount -o remount,hidepid=0 /proc',
      },
    ]);
  });

  test('a user whose capabilities are enough for eBPF lacks details only', () => {
    const bpfAndPerfmon = (1n << 39n) | (1n << 38n);
    const found = { uid: 1000, effectiveCapabilities: bpfAndPerfmon, closedProcesses: 80, hidepid: '2' };
    const cannotSee = ['The executables and command lines of other users’ processes may be unknown.'];
    const blind = { ...found, scan: { ...byEbpf, cannotSee } };
    expect(lacking(blind).map(({ check, lost }) => [check, lost])).toEqual([
      ['capabilities', `${detailsOfOthers}; the fast way into other network namespaces`],
      ['hidepid', detailsOfOthers],
      ['sockets', cannotSee[0]],
    ]);
    expect(lacking({ ...found, scan: byEbpf }).map(({ check, lost }) => [check, lost])).toEqual([
      ['capabilities', 'the fast way into other network namespaces'],
    ]);
    const withAdmin = { ...found, effectiveCapabilities: bpfAndPerfmon | (1n << 21n), scan: byEbpf };
    expect(lacking(withAdmin)).toEqual([]);
    expect(
      conclude({ ...healthy, ...withAdmin }, 'whotalks').find(({ check }) => check === 'capabilities')!
        .detail,
    ).toBe(
      'CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN; not CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, which eBPF does without',
    );
  });

  test('what is closed to one who has every capability is not blamed on a lack of them', () => {
    const fix =
      'none for the agent, which has what it takes: look for a security module, or the edge of a sandbox';
    const scan = { collector: 'procfs', sockets: 41, namespaces: 2, cannotSee: ['One.', 'Two.'], costMs: 3 };
    expect(lacking({ closedProcesses: 1, scan })).toEqual([
      {
        check: 'processes',
        state: 'lacking',
        detail: '90; the open files of 1 of them are closed to whotalks',
        lost: 'the processes behind their sockets',
        fix,
      },
      {
        check: 'sockets',
        state: 'lacking',
        detail: '41 in 2 network namespaces, by procfs',
        lost: 'One. Two.',
        fix: null,
      },
    ]);
    expect(lacking({ closedProcesses: 1, scan: byEbpf })).toEqual([]);
  });

  test('root without some needs them from whatever holds it; CAP_SYS_ADMIN stands for those of eBPF', () => {
    const root = 0x1ffffffffffn;
    const [bpf, ptrace, admin] = [1n << 39n, 1n << 19n, 1n << 21n];
    expect(lacking({ effectiveCapabilities: root - bpf })).toEqual([]);
    expect(lacking({ effectiveCapabilities: root - bpf - admin }).map(({ detail }) => detail)).toEqual([
      'not CAP_BPF, CAP_SYS_ADMIN; there are CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH',
    ]);
    expect(lacking({ effectiveCapabilities: root - ptrace })).toMatchObject([
      {
        check: 'capabilities',
        lost: ofOthers,
        fix: 'run it outside of the container, or give that CAP_SYS_PTRACE',
      },
    ]);
  });

  test('hidepid hides nothing from root who has CAP_SYS_PTRACE, and does from root who has not', () => {
    const hidepid = '2';
    const text = (findings: Partial<Findings>): string | undefined =>
      conclude({ ...healthy, ...findings }, 'whotalks').find(({ check }) => check === 'hidepid')?.detail;
    expect(text({ hidepid })).toBe('2, which CAP_SYS_PTRACE sees through');
    expect(text({ hidepid, effectiveCapabilities: 1n << 21n })).toBe('2');
  });

  test('where it is: a pid namespace of its own is its world, one beside /proc is a lack', () => {
    const at = (surroundings: Partial<Findings['surroundings']>): readonly string[][] =>
      conclude({ ...healthy, surroundings: { ...healthy.surroundings, ...surroundings } }, 'whotalks')
        .filter(({ check }) => check.endsWith('namespace'))
        .map(({ state, detail, fix }) => [state, detail, fix ?? '']);
    expect(at({ pidNamespace: 'own', isNetworkOfFirst: true })).toEqual([
      ['ok', 'one of its own: what runs outside of it is not seen', ''],
      ['ok', 'that of process 1 here', ''],
    ]);
    expect(at({ pidNamespace: 'not of /proc', isNetworkOfFirst: null })).toEqual([
      [
        'lacking',
        'another one than that of /proc',
        'mount -t proc proc /proc, or run it in the pid namespace that /proc is of',
      ],
      ['ok', 'unknown whether that of process 1: closed to this user', ''],
    ]);
    expect(at({ isNetworkOfFirst: false })[1]).toEqual([
      'lacking',
      'not that of process 1',
      'nsenter --net --target 1 whotalks doctor',
    ]);
  });

  test('a scan that costs more than is allowed', () => {
    expect(lacking({ scan: { ...byEbpf, costMs: 81.26 } })).toEqual([
      {
        check: 'CPU',
        state: 'lacking',
        detail: 'a scan takes 81.3 ms of CPU: 8.1 % of a core at one per second, of 2 % allowed',
        lost: 'scans follow each other every 4 s instead: what opens and closes between them shows late or not at all',
        fix: '--cpu-max 9 for the agent',
      },
    ]);
  });

  test('conntrack that is not in use lacks nothing, one that does not answer does', () => {
    expect(lacking({ conntrack: { kind: 'absent' } })).toEqual([]);
    expect(lacking({ conntrack: { kind: 'refused', problem: 'cannot ask conntrack: EPERM' } })).toEqual([
      {
        check: 'conntrack',
        state: 'lacking',
        detail: 'cannot ask conntrack: EPERM',
        lost: 'how connections are translated: each end shows the addresses that it sees itself',
        fix: 'CAP_NET_ADMIN (run as root), and the module nf_conntrack_netlink',
      },
    ]);
  });

  test('a server that does not answer, plaintext in use, and a missing native module are lacking', () => {
    const found = lacking({
      about: null,
      serverProblem: 'connection refused',
      insecure: true,
      koffiProblem: 'cannot load koffi: x',
      rtnetlinkProblem: 'not reachable without koffi',
    });
    expect(found.map(({ check, detail, fix }) => [check, detail, fix])).toEqual([
      ['koffi', 'cannot load koffi: x', 'npm ci --omit=dev'],
      [
        'rtnetlink',
        'not reachable without koffi',
        'allow AF_NETLINK sockets (seccomp, or RestrictAddressFamilies= of systemd)',
      ],
      ['server', 'connection refused', 'whotalks up, or name another with --server'],
      ['insecure', 'in use: plaintext without authorisation', 'leave out --insecure, and use loopback'],
    ]);
  });
});

test('an aggregator that is wanted elsewhere is not started here', () => {
  const elsewhere = { server: '10.1.0.1:7443', about: null, serverProblem: 'no answer' };
  expect(lacking(elsewhere)[0]!.fix).toBe('start an aggregator there, or name another with --server');
});

test('where loopback is down, no aggregator can be reached there', () => {
  const surroundings = { ...healthy.surroundings, isLoopbackUp: false };
  const unreached = { surroundings, about: null, serverProblem: 'no route to its network' };
  expect(lacking(unreached)[0]!.fix).toBe(
    'ip link set lo up, since the loopback of this network namespace is down',
  );
});

describe('the files it reads', () => {
  test('CapEff is a mask by capability number', () => {
    expect(hasCapability(0x80004n, 'CAP_SYS_PTRACE')).toBe(true);
    expect(hasCapability(0x80004n, 'CAP_DAC_READ_SEARCH')).toBe(true);
    expect(hasCapability(0x00004n, 'CAP_SYS_PTRACE')).toBe(false);
  });

  test('hidepid is an option of the mount, in either spelling', () => {
    const mounts = 'sysfs /sys sysfs rw 0 0\nproc /proc proc rw,nosuid,hidepid=invisible,gid=4 0 0\n';
    expect(parseHidepid(mounts, '/proc')).toBe('invisible');
    expect(parseHidepid('proc /proc proc rw,hidepid=2 0 0\n', '/proc')).toBe('2');
    expect(parseHidepid('proc /proc proc rw 0 0\n', '/proc')).toBe('0');
    expect(parseHidepid(mounts, '/host/proc')).toBeNull();
  });
});
