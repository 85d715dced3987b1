/** Many real network namespaces that come and go: each is seen, and nothing of them is kept. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCollector } from '../../../agent/collect/ladder.ts';
import type { Collector } from '../../../agent/collector.ts';
import { readNetnsInode } from '../../../agent/procfs/pid-netns.ts';
import { readLink } from '../../../agent/procfs/proc-file.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';
import { until } from '../../support/until.ts';
import { workingRungs } from './machine.ts';

const count = 200;

/** Each `sleep` has a network of its own. They end with the first process of their pid namespace. */
const makeMany = `for i in $(seq ${count}); do unshare -n sleep 1000 & done; echo made; wait`;

/** Making so many, and undoing them, is much work for a machine that is busy with other tests. */
const patientMs = 90_000;

const openFds = (): number => readdirSync('/proc/self/fd').length;

/** Network namespaces by pid, of all processes or of those in a pid namespace; those that hide theirs are left out. */
function netnsByPid(pidns: string | null = null): Map<string, number> {
  const found = new Map<string, number>();
  for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    if (pidns !== null && readLink(`/proc/${pid}/ns/pid`) !== pidns) continue;
    const netns = readNetnsInode(`/proc/${pid}`);
    if (typeof netns === 'number') found.set(pid, netns);
  }
  return found;
}

const inhabited = (): Set<number> => new Set(netnsByPid().values());

describe.runIf(canMakeNamespaces)(`${count} namespaces`, () => {
  const collectors = new Map<string, Collector>();
  let many: ChildProcess | null = null;

  beforeAll(async () => {
    for (const rung of workingRungs) {
      const collector = await openCollector(rung);
      collectors.set(rung, collector);
      // What hears of changes is opened for the second scan.
      for (let scan = 1; scan <= 2; scan++) await collector.scan();
    }
  }, patientMs);
  afterAll(async () => {
    await end();
    for (const collector of collectors.values()) collector.close();
  });

  async function end(): Promise<void> {
    if (many === null) return;
    const gone = once(many, 'exit');
    many.kill('SIGKILL');
    many = null;
    await gone;
  }

  it(
    'are all seen, and leave no descriptor behind',
    async () => {
      // Other tests make namespaces too, and leave them. Those that are here now have their descriptors.
      const before = inhabited();
      for (const collector of collectors.values()) await collector.scan();
      const fdsAtFirst = openFds();
      /** The most that are open for so many namespaces: for what each is, and for its sockets. */
      const descriptorsOf = (namespaces: number): number => namespaces * collectors.size * 2;
      const argv = ['--pid', '--fork', '--kill-child', 'sh', '-c', makeMany];
      many = spawn('unshare', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
      const ours = readLink('/proc/self/ns/pid');
      let theirs = new Map<string, number>();
      // The shell that makes them stays in the namespace of this test.
      await until('they are there', () => {
        // Ours until `unshare` has made the new one, and unreadable until that has its first process.
        const pidns = readLink(`/proc/${many!.pid}/ns/pid_for_children`);
        if (typeof pidns === 'string' && pidns !== ours) theirs = netnsByPid(pidns);
        return new Set(theirs.values()).size > count;
      });
      const made = new Set([...theirs.values()].filter((netns) => !before.has(netns)));
      for (const [rung, collector] of collectors) {
        const scan = await collector.scan();
        const seen = new Set(scan.netns.map(({ inode }) => inode));
        expect({ rung, missing: [...made].filter((netns) => !seen.has(netns)) }).toEqual({
          rung,
          missing: [],
        });
      }
      // Whatever way sockets are read, each namespace is watched through a descriptor.
      const now = inhabited();
      const left = [...before].filter((netns) => !now.has(netns)).length;
      expect(openFds()).toBeGreaterThanOrEqual(fdsAtFirst + count * collectors.size - descriptorsOf(left));
      await end();
      await until('nobody is in them any more', () => {
        const now = netnsByPid();
        return [...theirs].every(([pid, netns]) => !made.has(netns) || now.get(pid) !== netns);
      });
      for (const collector of collectors.values()) {
        const told = (await collector.scan()).netns.map(({ inode }) => inode);
        // Their numbers are given to the next ones that somebody makes.
        const others = inhabited();
        expect(told.filter((netns) => made.has(netns) && !others.has(netns))).toEqual([]);
      }
      const others = (): number => [...inhabited()].filter((netns) => !before.has(netns)).length;
      const mayBeOpen = (): number => fdsAtFirst + descriptorsOf(others());
      // A scan that finds a process gone which was there when it began keeps what it did not see for the next one.
      await until('the descriptors are closed', async () => {
        for (const collector of collectors.values()) await collector.scan();
        return openFds() <= mayBeOpen() || `${openFds()} of ${mayBeOpen()}`;
      });
    },
    patientMs,
  );
});
