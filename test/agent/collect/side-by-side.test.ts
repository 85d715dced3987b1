/**
 * All rungs and ss side by side, on namespaces whose sockets never rest. What procfs and ss show before and after a scan
 * with the same owners was there during the scan, and the scan must show the same. Only what has no inode may be missing
 * once: on its way from FIN_WAIT_2 to TIME_WAIT the kernel puts another row in its place, and for a moment shows neither.
 *
 * The sock_diag rung may be late with an owner, by ownerSweepMs at most and seldom: an fd that is exchanged while the
 * number of fds stays the same, and both sockets have other holders, shows no sign of it.
 *
 * WHOTALKS_SNAPSHOTS=10000 makes it a soak.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCollector } from '../../../agent/collect/ladder.ts';
import { ownerSweepMs } from '../../../agent/collect/owner-search.ts';
import type { Collector } from '../../../agent/collector.ts';
import { formatEndpoint } from '../../../model/endpoint.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';
import { workingRungs } from './machine.ts';

const soak = process.env['WHOTALKS_SNAPSHOTS'];
const snapshots = Number(soak ?? 200);
/** On a busy machine it ends sooner, unless it was told how long to go on. */
const enoughMs = soak === undefined ? 40_000 : Number.POSITIVE_INFINITY;
const snapshotsMin = 20;
/** How seldom a rung may be late with an owner, of all sockets compared. */
const lateShareMax = 0.002;
/** Of this many snapshots one is taken by ss too, which is a process each time. */
const ssEvery = 4;
const timeoutMs = 60_000 + snapshots * 1_000;

const churnProgram = fileURLToPath(new URL('../../support/programs/churn.mjs', import.meta.url));
const seeds = [1, 2];

/** Socket → owners, both as text. */
type Snapshot = ReadonlyMap<string, string>;

/** A namespace with a churning process in it. */
interface Arena {
  readonly process: ChildProcess;
  readonly netns: number;
}

async function openArena(seed: number): Promise<Arena> {
  const enter = ['-n', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"'];
  const child = spawn('unshare', [...enter, process.execPath, churnProgram, String(seed)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [netns] = (await once(child.stdout, 'data')) as [Buffer];
  return { process: child, netns: Number(netns.toString()) };
}

function socketText({ netns, protocol, state, local, remote, inode, uid }: OwnedSocket): string {
  const ends = `${formatEndpoint(local)} ${formatEndpoint(remote)}`;
  // The kernel has no user for what has no inode, and its tables differ in what they show instead.
  return `${netns} ${protocol} ${state} ${ends} ${inode} ${inode === 0 ? '-' : uid}`;
}

/** The last column but one. */
function inodeIn(socket: string): number {
  return Number(socket.split(' ').at(-2));
}

function ownersText({ owners }: OwnedSocket): string {
  return owners.map(({ process: { pid }, fds }) => `${pid}:${fds.join('+')}`).join(' ');
}

async function scanSnapshot(collector: Collector, namespaces: ReadonlySet<number>): Promise<Snapshot> {
  const { sockets } = await collector.scan();
  return new Map(
    sockets
      .filter(({ netns }) => namespaces.has(netns))
      .map((socket) => [socketText(socket), ownersText(socket)]),
  );
}

/** Inode → owners, as ss tells them. */
function ssOwners({ process: { pid } }: Arena): Map<number, string> {
  const argv = ['--target', String(pid), '--net', '--', 'ss', '-tunpeaH'];
  const text = execFileSync('nsenter', argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const owners = new Map<number, string>();
  for (const line of text.split('\n')) {
    const inode = Number(/ ino:(\d+)/.exec(line)?.[1] ?? 0);
    const users = [...line.matchAll(/pid=(\d+),fd=(\d+)/g)].map((match) => [
      Number(match[1]),
      Number(match[2]),
    ]);
    const pids = [...new Set(users.map(([pid]) => pid!))].toSorted((a, b) => a - b);
    const fdsOf = (pid: number): string =>
      users
        .flatMap((user) => (user[0] === pid ? [user[1]!] : []))
        .toSorted((a, b) => a - b)
        .join('+');
    if (inode !== 0) owners.set(inode, pids.map((pid) => `${pid}:${fdsOf(pid)}`).join(' '));
  }
  return owners;
}

/** What both show alike. */
function steady(before: Snapshot, after: Snapshot): Map<string, string> {
  return new Map([...before].filter(([socket, owners]) => after.get(socket) === owners));
}

/**
 * Whether owners are those expected. A process that is newer than the snapshot before may stand among them: between fork
 * and exec it holds whatever its parent holds.
 */
function isOwnedBy(expected: string, owners: string | undefined, known: ReadonlySet<string>): boolean {
  if (owners === undefined) return false;
  const others = owners.split(' ').filter((owner) => known.has(owner.split(':')[0]!));
  return others.join(' ') === expected;
}

function pidsIn(snapshot: Snapshot): Set<string> {
  return new Set(
    [...snapshot.values()].flatMap((owners) => owners.split(' ').map((owner) => owner.split(':')[0]!)),
  );
}

/** Namespace, protocol and ends. */
function tupleIn(socket: string): string {
  const [netns, protocol, , local, remote] = socket.split(' ');
  return `${netns} ${protocol} ${local} ${remote}`;
}

/** A tuple in TIME_WAIT may be taken by a new connection, which may soon be in TIME_WAIT too: nothing tells them apart. */
function isReused(socket: string, snapshot: Snapshot): boolean {
  if (inodeIn(socket) !== 0) return false;
  return [...snapshot.keys()].some((other) => tupleIn(other) === tupleIn(socket));
}

/** What of `expected` a snapshot shows otherwise, or not at all. */
function differences(
  name: string,
  expected: Snapshot,
  snapshot: Snapshot,
  known: ReadonlySet<string>,
): string[] {
  return [...expected]
    .filter(([socket, owners]) => !isOwnedBy(owners, snapshot.get(socket), known))
    .filter(([socket]) => !isReused(socket, snapshot))
    .map(([socket, owners]) => `${name}: ${socket} [${owners}] is [${snapshot.get(socket) ?? 'missing'}]`);
}

/** Sockets without an inode that a snapshot misses, although they are there. */
function tears(expected: Snapshot, snapshot: Snapshot): Set<string> {
  const sockets = [...expected.keys()];
  return new Set(sockets.filter((socket) => inodeIn(socket) === 0 && !snapshot.has(socket)));
}

/** How long ago a rung was first seen to be late with the owners of a socket. */
class Lateness {
  readonly #sinceMs = new Map<string, number>();
  /** Sightings. */
  total = 0;

  /** What of `expected` the snapshot shows with other owners, and has not for longer than it may. */
  excused(expected: Snapshot, snapshot: Snapshot, known: ReadonlySet<string>, nowMs: number): string[] {
    return [...expected.keys()].filter((socket) => {
      if (!snapshot.has(socket) || isOwnedBy(expected.get(socket)!, snapshot.get(socket), known)) {
        this.#sinceMs.delete(socket);
        return false;
      }
      this.total++;
      const sinceMs = this.#sinceMs.get(socket) ?? nowMs;
      this.#sinceMs.set(socket, sinceMs);
      return nowMs - sinceMs <= ownerSweepMs;
    });
  }
}

/** The same of ss, which shows no inode for what has none. */
function differencesToSs(
  expected: Snapshot,
  ownersByInode: ReadonlyMap<number, string>,
  known: ReadonlySet<string>,
): string[] {
  const withInode = [...expected].filter(([socket]) => inodeIn(socket) !== 0);
  const shown = withInode.flatMap(([socket]): [string, string][] => {
    const owners = ownersByInode.get(inodeIn(socket));
    return owners === undefined ? [] : [[socket, owners]];
  });
  return differences('ss', new Map(withInode), new Map(shown), known);
}

describe.runIf(canMakeNamespaces)('side by side', () => {
  const arenas: Arena[] = [];
  const collectors: Collector[] = [];

  beforeAll(async () => {
    for (const seed of seeds) arenas.push(await openArena(seed));
    for (const rung of workingRungs) {
      const collector = await openCollector(rung);
      collectors.push(collector);
      // The first scan is the one that the rung was tried with, which is older than what it is compared with.
      await collector.scan();
    }
  });

  afterAll(() => {
    for (const collector of collectors) collector.close();
    for (const arena of arenas) arena.process.kill('SIGKILL');
  });

  it(
    `up to ${snapshots} snapshots of every rung: nothing missing, no other owner`,
    async () => {
      const namespaces = new Set(arenas.map(({ netns }) => netns));
      const reference = await openCollector('procfs');
      const found: string[] = [];
      const lateness = new Lateness();
      const tornBefore = new Map<string, ReadonlySet<string>>();
      let compared = 0;
      let before = await scanSnapshot(reference, namespaces);
      const startedMs = performance.now();
      let round = 0;
      for (; round < snapshots; round++) {
        if (round >= snapshotsMin && performance.now() - startedMs > enoughMs) break;
        const shown: [string, Snapshot][] = [];
        for (const collector of collectors)
          shown.push([collector.name, await scanSnapshot(collector, namespaces)]);
        const bySs = round % ssEvery === 0 ? new Map(arenas.flatMap((arena) => [...ssOwners(arena)])) : null;
        const after = await scanSnapshot(reference, namespaces);
        const expected = steady(before, after);
        const known = pidsIn(before);
        compared += expected.size;
        for (const [name, snapshot] of shown) {
          const torn = tears(expected, snapshot);
          const excused = [...torn].filter((socket) => tornBefore.get(name)?.has(socket) !== true);
          const demanded = new Map(expected);
          for (const socket of excused) demanded.delete(socket);
          if (name === 'sockdiag') {
            const late = lateness.excused(demanded, snapshot, known, performance.now());
            for (const socket of late) demanded.delete(socket);
          }
          found.push(...differences(name, demanded, snapshot, known));
          tornBefore.set(name, torn);
        }
        if (bySs !== null) found.push(...differencesToSs(expected, bySs, known));
        before = after;
      }
      reference.close();
      expect(found).toEqual([]);
      expect(lateness.total / compared).toBeLessThan(lateShareMax);
      // Each namespace has both ends of its steady connections, its listeners and more.
      expect(compared / round).toBeGreaterThan(seeds.length * 40);
    },
    timeoutMs,
  );
});
