/** What doctor concludes from what it found, and the kernel's files it reads. */
import { describe, expect, test } from 'vitest';
import { hasCapability } from '../../../cli/doctor/capabilities.ts';
import { conclude, type Findings } from '../../../cli/doctor/findings.ts';
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
};

const healthy: Findings = {
  kernel: '6.1.0',
  uid: 0,
  effectiveCapabilities: 0x1ffffffffffn,
  processes: 90,
  closedProcesses: 0,
  hidepid: '0',
  rungs: [
    { name: 'sockdiag', problem: null, lost: 'speed', fix: 'allow it' },
    { name: 'procfs', problem: null, lost: 'everything', fix: 'mount it' },
  ],
  events: [{ name: 'ebpf', problem: null, lost: 'short connections', fix: 'allow it' }],
  scan: { collector: 'sockdiag', sockets: 41, namespaces: 2, cannotSee: [] },
  scanProblem: null,
  koffiProblem: null,
  rtnetlinkProblem: null,
  server: '127.0.0.1:7443',
  insecure: false,
  about,
  serverProblem: null,
};
const lacking = (findings: Partial<Findings>) =>
  conclude({ ...healthy, ...findings }, 'whotalks').filter(({ state }) => state === 'lacking');

describe('conclude', () => {
  test('nothing is lacking on a healthy host', () => {
    expect(lacking({})).toEqual([]);
    expect(conclude(healthy, 'whotalks').map(({ check, detail }) => `${check}: ${detail}`)).toEqual([
      'kernel: 6.1.0',
      'user: root',
      'CAP_SYS_PTRACE: there',
      'CAP_DAC_READ_SEARCH: there',
      'file descriptors of others: readable, 90 processes',
      'hidepid: off',
      'collector sockdiag: works',
      'collector procfs: works',
      'sockets: 41 in 2 network namespaces, by sockdiag',
      'events ebpf: works',
      'koffi: works',
      'rtnetlink: works',
      'server: 127.0.0.1:7443 answers, version 0.1.0',
      'insecure: not in use',
    ]);
  });

  test('an ordinary user is told what is lost and which command fixes it', () => {
    expect(
      lacking({ uid: 1000, effectiveCapabilities: 0n, closedProcesses: 80, hidepid: 'invisible' }),
    ).toEqual([
      {
        check: 'CAP_SYS_PTRACE',
        state: 'lacking',
        detail: 'not there',
        lost: "the owners of other users' sockets",
        fix: 'sudo whotalks doctor',
      },
      {
        check: 'CAP_DAC_READ_SEARCH',
        state: 'lacking',
        detail: 'not there',
        lost: "the owners of other users' sockets",
        fix: 'sudo whotalks doctor',
      },
      {
        check: 'file descriptors of others',
        state: 'lacking',
        detail: 'closed to this user for 80 of 90 processes',
        lost: 'the processes behind their sockets',
        fix: 'sudo whotalks doctor',
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

  test('what is closed to one who has both capabilities is not blamed on a lack of them', () => {
    expect(
      lacking({
        closedProcesses: 1,
        scan: { collector: 'procfs', sockets: 41, namespaces: 2, cannotSee: ['One.', 'Two.'] },
      }),
    ).toEqual([
      {
        check: 'file descriptors of others',
        state: 'lacking',
        detail: 'closed to this user for 1 of 90 processes',
        lost: 'the processes behind their sockets',
        fix: 'none for the agent, which has what it takes: look for a security module, or the edge of a sandbox',
      },
      {
        check: 'sockets',
        state: 'lacking',
        detail: '41 in 2 network namespaces, by procfs',
        lost: 'One. Two.',
        fix: null,
      },
    ]);
  });

  test('root without them needs them from whatever holds it', () => {
    expect(lacking({ effectiveCapabilities: 0x4n })).toMatchObject([
      {
        check: 'CAP_SYS_PTRACE',
        fix: 'run it outside of the container, or give that CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH',
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
      ['server', 'connection refused', 'whotalks up'],
      ['insecure', 'in use: plaintext without authorisation', 'leave out --insecure, and use loopback'],
    ]);
  });
});

test('an aggregator that is wanted elsewhere is not started here', () => {
  const elsewhere = { server: '10.1.0.1:7443', about: null, serverProblem: 'no answer' };
  expect(lacking(elsewhere)[0]!.fix).toBe('start an aggregator there, or name another with --server');
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
