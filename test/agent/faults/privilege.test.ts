/** Capabilities that are missing one by one, and users who have some: which rung is left, and what it says is lost. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  asUser,
  Place,
  rowsHeldBy,
  type ScanThere,
  withMounts,
  without,
} from '../../support/faults/place.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';
import {
  asRoot,
  closedFiles,
  giveBoth,
  hiddenProcesses,
  unknownNetns,
  unknownPrograms,
  unplaced,
  withoutEbpf,
} from './sentences.ts';

const noMaps = withoutEbpf('cannot create the map learned: EPERM', 'permission');
const noPrograms = withoutEbpf('cannot load the program learn: EPERM', 'permission');
const everybody = rowsHeldBy('root', 'user');

/** Name, prefix of the scanner's command, its rung, what it cannot see, and the rows of the two holders. */
type Case = readonly [string, string[], string, string[], string[]];

/** In the place live its first process, a holder of root and one of an ordinary user. */
const rootWithout: readonly Case[] = [
  ['CAP_SYS_ADMIN', without('sys_admin'), 'ebpf', [], everybody],
  ['CAP_BPF', without('bpf'), 'ebpf', [], everybody],
  ['CAP_PERFMON', without('perfmon'), 'ebpf', [], everybody],
  ['CAP_NET_ADMIN', without('net_admin'), 'ebpf', [], everybody],
  ['CAP_SYS_PTRACE', without('sys_ptrace'), 'ebpf', [], everybody],
  ['CAP_DAC_READ_SEARCH', without('dac_read_search'), 'ebpf', [], everybody],
  // CAP_SYS_ADMIN stands for either of them.
  ['CAP_BPF and CAP_SYS_ADMIN', without('bpf', 'sys_admin'), 'sockdiag', [noMaps], everybody],
  ['CAP_PERFMON and CAP_SYS_ADMIN', without('perfmon', 'sys_admin'), 'sockdiag', [noPrograms], everybody],
  [
    'any capability',
    without('all'),
    'sockdiag',
    [noMaps, closedFiles(3, giveBoth), unknownNetns(3, giveBoth)],
    rowsHeldBy(),
  ],
];

const closedToUser = [closedFiles(2, asRoot), unknownNetns(2, asRoot)];
const ownOnly = rowsHeldBy('user');

const userWith: readonly Case[] = [
  ['nothing', asUser(), 'sockdiag', [noMaps, ...closedToUser], ownOnly],
  ['CAP_BPF and CAP_PERFMON', asUser('bpf', 'perfmon'), 'ebpf', [], everybody],
  ['CAP_BPF', asUser('bpf'), 'sockdiag', [noPrograms, ...closedToUser], ownOnly],
  ['CAP_PERFMON', asUser('perfmon'), 'sockdiag', [noMaps, ...closedToUser], ownOnly],
  ['CAP_SYS_PTRACE', asUser('sys_ptrace'), 'sockdiag', [noMaps, closedToUser[0]!], ownOnly],
  ['CAP_DAC_READ_SEARCH', asUser('dac_read_search'), 'sockdiag', [noMaps, ...closedToUser], ownOnly],
  [
    'CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH',
    asUser('sys_ptrace', 'dac_read_search'),
    'sockdiag',
    [noMaps],
    everybody,
  ],
];

/** Whether this machine has cgroups of version 1 besides. */
const hasOldCgroups = /^[1-9]/m.test(readFileSync('/proc/self/cgroup', 'utf8'));

/** @param mode of the hidepid option */
function hiding(mode: number): string[] {
  return withMounts(`mount -t proc -o hidepid=${mode} proc /proc`);
}

const hidden: readonly Case[] = [
  ['1, root', hiding(1), 'ebpf', [], everybody],
  ['2, root', hiding(2), 'ebpf', [], everybody],
  ['4, root', hiding(4), 'ebpf', [], everybody],
  ['1, a user', [...hiding(1), ...asUser()], 'sockdiag', [noMaps, ...closedToUser], ownOnly],
  ['2, a user', [...hiding(2), ...asUser()], 'sockdiag', [noMaps, hiddenProcesses], ownOnly],
  ['4, a user', [...hiding(4), ...asUser()], 'sockdiag', [noMaps, hiddenProcesses], ownOnly],
  ...[1, 2, 4].map((mode): Case => {
    const prefix = [...hiding(mode), ...asUser('bpf', 'perfmon')];
    return [
      `${mode}, a user with CAP_BPF and CAP_PERFMON`,
      prefix,
      'ebpf',
      hasOldCgroups ? [unplaced()] : [],
      everybody,
    ];
  }),
];

/** Holds a listener and a connection, and has closed another one; prints the inode of its network namespace. */
const waiting = [
  process.execPath,
  '-e',
  `
  const net = require('node:net');
  const inode = require('node:fs').statSync('/proc/self/ns/net').ino;
  process.stdin.resume().on('end', () => process.exit());
  const server = net.createServer().listen(18090, '127.0.0.1', () => {
    const dial = () => net.connect({ port: 18090, host: '127.0.0.1' });
    server.once('connection', (first) => {
      first.resume().once('close', () => {
        server.once('connection', () => console.log(inode));
        dial();
      });
    });
    const closing = dial().once('connect', () => closing.end());
  });`,
];

const closedTables = `Sockets that no process holds may be missing in 1 network namespace, whose tables cannot be read: ${asRoot}.`;
const unknownAddresses =
  'The addresses and networks of 1 other network namespace are unknown: cannot enter network namespaces: EPERM; this ' +
  'needs CAP_SYS_ADMIN and CAP_SYS_PTRACE.';
const polledAddresses =
  'The addresses of 1 other network namespace are looked up now and then only, and host-local networks inside are not ' +
  'told apart: cannot enter network namespaces: EPERM; this needs CAP_SYS_ADMIN and CAP_SYS_PTRACE.';

describe.runIf(canMakeNamespaces)('an agent', () => {
  let place: Place;

  beforeAll(async () => {
    place = await Place.open();
  });
  afterAll(() => place.close());

  async function expectScan([, prefix, collector, cannotSee, rows]: Case): Promise<void> {
    const scan = await place.scanOnce('auto', prefix);
    expect(scan.collector).toBe(collector);
    expect(scan.cannotSee).toEqual(cannotSee);
    expect(place.rows(scan)).toEqual(rows);
    expect(scan.malformedTotal).toBe(0);
  }

  it('of a user with CAP_BPF and CAP_PERFMON sees everybody by files too, also under hidepid=2', async () => {
    for (const prefix of [asUser('bpf', 'perfmon'), [...hiding(2), ...asUser('bpf', 'perfmon')]]) {
      const scan = await place.scanOnce('ebpf-files', prefix);
      expect([scan.collector, scan.cannotSee]).toEqual(['ebpf-files', [unknownPrograms]]);
      expect(place.rows(scan)).toEqual(everybody);
    }
  });

  it('of a user with CAP_BPF and CAP_PERFMON sees what is held in namespaces that are closed to it, and what passes', async () => {
    const apart = place.start([
      'unshare',
      '-n',
      'sh',
      '-c',
      'ip link set lo up && exec "$0" "$@"',
      ...waiting,
    ]);
    const netns = Number(await apart.line());
    const states = (scan: ScanThere): string[] =>
      scan.sockets
        .filter((socket) => socket.netns === netns)
        .map(({ state }) => state)
        .toSorted();
    const held = ['established', 'established', 'listen'];
    try {
      for (const [source, details, rows] of [
        ['ebpf', [], [...held, 'time-wait']],
        ['ebpf-files', [unknownPrograms], held],
      ] as const) {
        for (const scans of [1, 3]) {
          const scanner = place.scanner(source, asUser('bpf', 'perfmon'));
          const scan = await scanner.scan(scans);
          await scanner.end();
          expect([source, scan.cannotSee]).toEqual([source, [closedTables, polledAddresses, ...details]]);
          expect([source, states(scan)]).toEqual([source, rows]);
        }
      }
      // There nothing of /proc is left to read, which the sentence has to say.
      const { cannotSee } = await place.scanOnce('ebpf', [...hiding(1), ...asUser('bpf', 'perfmon')]);
      expect(cannotSee.filter((sentence) => !sentence.includes('cgroups of version 1'))).toEqual([
        closedTables,
        unknownAddresses,
      ]);
    } finally {
      await apart.end();
    }
  });

  it.each(rootWithout)('of root without %s', (...fault) => expectScan(fault));
  it.each(userWith)('of a user with %s', (...fault) => expectScan(fault));
  it.each(hidden)('under hidepid=%s', (...fault) => expectScan(fault));
});
