/** What may happen to an agent while it runs: it goes on, says what is lost for as long as it is, and is whole again afterwards. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failuresMax } from '../../../agent/collect/ladder.ts';
import { Place, rowsHeldBy, type Scanner, withMounts } from '../../support/faults/place.ts';
import { canMakeNamespaces } from '../../support/fleet/namespace.ts';
import { workingRungs } from '../collect/machine.ts';
import { withoutEbpf } from './sentences.ts';

const everybody = rowsHeldBy('root', 'user');

/** The kernel tells `ebpf` what runs in a process too. */
const noDetails =
  'The executables and command lines of processes are unknown: /proc cannot be read; look for what is mounted there.';

describe.runIf(canMakeNamespaces)('an agent', () => {
  let place: Place;

  beforeAll(async () => {
    place = await Place.open();
  });
  afterAll(() => place.close());

  /** Nothing that lived all the time was told closed, and nothing is missing. */
  async function expectWhole(scanner: Scanner, collector: string): Promise<void> {
    const scan = await scanner.scan(3);
    expect([scan.collector, scan.cannotSee, place.rows(scan)]).toEqual([collector, [], everybody]);
    expect(place.rows({ sockets: scan.closed })).toEqual([]);
  }

  it.each(workingRungs)('of %s whose descriptors run out fails with that word, or goes on', async (rung) => {
    const scanner = place.scanner(rung, ['prlimit', '--nofile=256:256', '--']);
    await expectWhole(scanner, rung);
    await scanner.descriptors('take');
    // One failure more, and the next rung would be tried.
    for (let i = 1; i < failuresMax; i++) {
      const outcome = await scanner.scan().then(
        (scan) => place.rows(scan),
        (error: Error) => /\bEMFILE\b/.exec(error.message)?.[0] ?? error.message,
      );
      expect(['EMFILE', everybody]).toContainEqual(outcome);
    }
    await scanner.descriptors('give');
    await expectWhole(scanner, rung);
    await scanner.end();
  });

  it.each(workingRungs)('of %s over whose /proc something is mounted', async (rung) => {
    const scanner = place.scanner(rung, withMounts(''));
    const { pid } = await scanner.scan();
    const inside = ['nsenter', '--mount', '--target', String(pid)];
    await place.namespace.run([...inside, 'mount', '-t', 'tmpfs', 'none', '/proc']);
    if (rung.startsWith('ebpf')) {
      const scan = await scanner.scan();
      expect(scan.cannotSee).toEqual(rung === 'ebpf' ? [] : [noDetails]);
      expect(place.rows(scan)).toEqual(everybody);
    } else {
      await expect(scanner.scan()).rejects.toThrow(
        'cannot read /proc: no process is in it; name the place of /proc with --procfs',
      );
    }
    await place.namespace.run([...inside, 'umount', '/proc']);
    await expectWhole(scanner, rung);
    await scanner.end();
  });

  it('in a pid namespace of its own under the /proc of another one', async () => {
    const scan = await place.scanOnce('auto', ['unshare', '--pid', '--fork', '--kill-child', '--']);
    expect(scan.collector).toBe('sockdiag');
    expect(scan.cannotSee).toEqual([
      withoutEbpf("/proc is not of the agent's own pid namespace, which is all that eBPF shows", 'pids'),
    ]);
    expect(place.rows(scan)).toEqual(everybody);
  });

  it('in a time namespace of its own, where processes have other starts', async () => {
    const later = ['unshare', '--time', '--boottime', '100000', '--fork', '--kill-child', '--'];
    const scan = await place.scanOnce('auto', later);
    expect(scan.collector).toBe('sockdiag');
    expect(scan.cannotSee).toEqual([
      withoutEbpf(
        'the start of the agent is another one in /proc than in the kernel: a time namespace, or another /proc',
        'pids',
      ),
    ]);
    expect(place.rows(scan)).toEqual(everybody);
  });
});
