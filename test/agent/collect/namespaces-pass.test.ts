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

/** Of all processes, or of those in a pid namespace; those that hide theirs are not counted. */
function inhabited(pidns: string | null = null): Set<number> {
  const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name));
  const inside = pids.filter((pid) => pidns === null || readLink(`/proc/${pid}/ns/pid`) === pidns);
  return new Set(
    inside.map((pid) => readNetnsInode(`/proc/${pid}`)).filter((netns) => typeof netns === 'number'),
  );
}

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
      const before = inhabited();
      const fdsAtFirst = openFds();
      const argv = ['--pid', '--fork', '--kill-child', 'sh', '-c', makeMany];
      many = spawn('unshare', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
      const ours = readLink('/proc/self/ns/pid');
      const theirs = (): Set<number> => {
        // Ours until `unshare` has made the new one, and unreadable until that has its first process.
        const pidns = readLink(`/proc/${many!.pid}/ns/pid_for_children`);
        return typeof pidns === 'string' && pidns !== ours ? inhabited(pidns) : new Set();
      };
      // The shell that makes them stays in the namespace of this test.
      await until('they are there', () => theirs().size > count);
      const made = new Set([...theirs()].filter((netns) => !before.has(netns)));
      for (const [rung, collector] of collectors) {
        const scan = await collector.scan();
        const seen = new Set(scan.netns.map(({ inode }) => inode));
        expect({ rung, missing: [...made].filter((netns) => !seen.has(netns)) }).toEqual({
          rung,
          missing: [],
        });
      }
      // Whatever way sockets are read, each namespace is watched through a descriptor.
      expect(openFds()).toBeGreaterThanOrEqual(fdsAtFirst + count * collectors.size);
      await end();
      await until('nobody is in them any more', () => [...inhabited()].every((netns) => !made.has(netns)));
      for (const collector of collectors.values()) {
        const { netns } = await collector.scan();
        expect(netns.filter(({ inode }) => made.has(inode))).toEqual([]);
      }
      // Other tests make namespaces too: each is a descriptor for what it is, and one for its sockets.
      const others = (): number => [...inhabited()].filter((netns) => !before.has(netns)).length;
      const mayBeOpen = (): number => fdsAtFirst + others() * collectors.size * 2;
      // A scan that finds a process gone which was there when it began keeps what it did not see for the next one.
      await until('the descriptors are closed', async () => {
        for (const collector of collectors.values()) await collector.scan();
        return openFds() <= mayBeOpen() || `${openFds()} of ${mayBeOpen()}`;
      });
    },
    patientMs,
  );
});
