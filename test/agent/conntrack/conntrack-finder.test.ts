/** What is said where conntrack cannot be asked, and that nothing fails there. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { natCannotSee } from '../../../agent/conntrack/cannot-see.ts';
import { ConntrackFinder } from '../../../agent/conntrack/conntrack-finder.ts';
import { LibcError } from '../../../agent/libc.ts';
import { readForwarding } from '../../../agent/procfs/ip-forward.ts';
import { parseConntrackCount, readConntrackCount } from '../../../agent/procfs/nf-conntrack-count.ts';
import { containerNetns, opening, socketBetween } from './sockets.ts';

const nothing = {
  isOff: false,
  problem: null,
  refusal: null,
  entryRefusal: null,
  hasZones: false,
  isUntracked: false,
  isCrowded: false,
};

const scan = {
  startedAtMs: 1,
  finishedAtMs: 2,
  sockets: [],
  netns: [],
  scannedNetns: new Set<number>(),
  malformed: [],
  malformedTotal: 0,
  cannotSee: [],
};

describe('a host whose kernel tracks connections', () => {
  let procRoot: string;

  beforeAll(() => {
    procRoot = mkdtempSync(join(tmpdir(), 'whotalks-proc-'));
    mkdirSync(join(procRoot, 'sys/net/netfilter'), { recursive: true });
    mkdirSync(join(procRoot, 'sys/net/ipv4'), { recursive: true });
    writeFileSync(join(procRoot, 'sys/net/netfilter/nf_conntrack_count'), '12\n');
    writeFileSync(join(procRoot, 'sys/net/ipv4/ip_forward'), '1\n');
  });
  afterAll(() => rmSync(procRoot, { recursive: true }));

  it('is told from its files', () => {
    expect(readConntrackCount(procRoot)).toBe(12);
    expect(readForwarding(procRoot)).toBe(true);
    expect(readConntrackCount(join(procRoot, 'sys'))).toBeNull();
    expect(readForwarding(join(procRoot, 'sys'))).toBe(false);
    expect(['0\n', '', '-1', 'x'].map(parseConntrackCount)).toEqual([0, null, null, null]);
  });

  it('is not asked when that is switched off, and it says so', async () => {
    const finder = await ConntrackFinder.open({ nat: 'off', procRoot });
    expect(await finder.find([opening(1, socketBetween('10.0.0.1:1', '10.0.0.2:2'))], scan)).toEqual([]);
    expect(finder.cannotSee).toEqual([
      'Translated connections are shown with the addresses that each end sees: --nat is off.',
      'The peers of unconnected UDP sockets are not seen: --nat is off.',
    ]);
    finder.close();
  });

  it('is not asked through a copy of /proc', async () => {
    const finder = await ConntrackFinder.open({ nat: 'auto', procRoot });
    expect(await finder.find([opening(1, socketBetween('10.0.0.1:1', '10.0.0.2:2'))], scan)).toEqual([]);
    expect(finder.cannotSee).toEqual([
      `Translated connections are shown with the addresses that each end sees: ${procRoot} is a copy of /proc, ` +
        "not the kernel's own.",
      `The peers of unconnected UDP sockets are not seen: ${procRoot} is a copy of /proc, not the kernel's own.`,
    ]);
    expect(finder.figures).toEqual([]);
    finder.close();
  });
});

it('without koffi nothing is found, and a kernel that tracks nothing leaves nothing to be found', async () => {
  const finder = await ConntrackFinder.open({
    nat: 'auto',
    procRoot: '/proc',
    loadCalls: () => Promise.reject(new LibcError('cannot load koffi: no such file')),
  });
  const socket = socketBetween('10.0.0.1:1', '10.0.0.2:2', { netns: containerNetns });
  expect(await finder.find([opening(1, socket)], scan)).toEqual([]);
  expect(finder.cannotSee).toEqual(
    readConntrackCount('/proc') === null
      ? []
      : [
          'Translated connections are shown with the addresses that each end sees: cannot load koffi: no such file.',
          'The peers of unconnected UDP sockets are not seen: cannot load koffi: no such file.',
        ],
  );
});

describe('what cannot be seen', () => {
  it.each([
    ['nothing', {}, []],
    [
      'an agent without the capability',
      { refusal: 'EPERM' },
      [
        'Translated connections are shown with the addresses that each end sees, because conntrack does not answer ' +
          'the agent (EPERM): this needs CAP_NET_ADMIN and the module nf_conntrack_netlink; run as root.',
        'The peers of unconnected UDP sockets are not seen, because conntrack does not answer the agent (EPERM).',
      ],
    ],
    [
      'what containers translate, and zones',
      { entryRefusal: 'EPERM', hasZones: true },
      [
        'Connections that are translated inside other network namespaces are shown with the addresses that each end ' +
          'sees, because the agent may not enter them (EPERM): this needs CAP_SYS_ADMIN.',
        'Connections that are translated in a conntrack zone of their own (Open vSwitch, OVN) are shown with the ' +
          'addresses that each end sees: which zone a connection is in cannot be asked.',
      ],
    ],
    [
      'peers that nothing tracks',
      { isUntracked: true },
      [
        'The peers of unconnected UDP sockets are not seen, because the kernel tracks no connections here: it does ' +
          'once a rule of nftables asks for `ct state`.',
      ],
    ],
    [
      'peers beyond the limit',
      { isCrowded: true },
      [
        'Some peers of unconnected UDP sockets are not seen: there are more than 10000 in one network namespace.',
      ],
    ],
  ])('%s', (_name, more, sentences) => {
    expect(natCannotSee({ ...nothing, ...more })).toEqual(sentences);
  });
});
