/** Climbing and stepping down, on rungs that work or fail as a test wants. */
import { describe, expect, it } from 'vitest';
import { ProcRootError } from '../../../agent/collect/census.ts';
import { examineRungs, failuresMax, openCollector, SourceError } from '../../../agent/collect/ladder.ts';
import type { Rung } from '../../../agent/collect/rungs.ts';
import type { RungName } from '../../../agent/collect/source.ts';
import type { Scan } from '../../../agent/collector.ts';
import { until } from '../../support/until.ts';
import { scan } from '../sockets.ts';

/** A rung, and what was done with it. */
interface TestRung extends Rung {
  opened: number;
  scans: number;
  closed: number;
  /** Why it does not open, or does not scan; null = it works. */
  openProblem: string | null;
  scanProblem: string | null;
  /** How long a scan takes, and for how long it has been over when it is handed out. */
  scanMs: number;
  staleMs: number;
}

function testRung(
  name: RungName,
  traits: Partial<Pick<TestRung, 'openProblem' | 'scanProblem' | 'scanMs' | 'staleMs'>> = {},
): TestRung {
  const rung: TestRung = {
    name,
    needsLiveProc: name !== 'procfs',
    lost: `${name} is lost`,
    fix: `allow ${name}`,
    opened: 0,
    scans: 0,
    closed: 0,
    openProblem: null,
    scanProblem: null,
    scanMs: 0,
    staleMs: 0,
    ...traits,
    open: async () => {
      if (rung.openProblem !== null) throw new Error(`${rung.openProblem}\n    at somewhere`);
      rung.opened++;
      return {
        name,
        scan: async (): Promise<Scan> => {
          rung.scans++;
          if (rung.scanProblem !== null) throw new Error(rung.scanProblem);
          const finishedAtMs = Date.now() - rung.staleMs;
          return {
            ...scan(finishedAtMs - rung.scanMs, []),
            finishedAtMs,
            cannotSee: ['The end of a table.'],
          };
        },
        close: () => {
          rung.closed++;
        },
      };
    },
  };
  return rung;
}

const without = (name: string, problem: string): string =>
  `Sockets are read without ${name} (${problem}), so ${name} is lost; to get it: allow ${name}.`;

describe('climbing', () => {
  it('the best rung is taken, and the others are not touched', async () => {
    const rungs = [testRung('ebpf'), testRung('sockdiag'), testRung('procfs')];
    const collector = await openCollector('auto', {}, rungs);
    expect(collector.name).toBe('ebpf');
    expect((await collector.scan()).cannotSee).toEqual(['The end of a table.']);
    expect(rungs.map(({ opened }) => opened)).toEqual([1, 0, 0]);
    collector.close();
    expect(rungs[0]!.closed).toBe(1);
  });

  it('the scan that a rung was tried with is the first one', async () => {
    const rung = testRung('procfs');
    const collector = await openCollector('auto', {}, [rung]);
    await collector.scan();
    expect(rung.scans).toBe(1);
    await collector.scan();
    expect(rung.scans).toBe(2);
  });

  it('so is one that took long, but not one that has been over for long', async () => {
    const rungs = [testRung('procfs', { scanMs: 60_000 }), testRung('procfs', { staleMs: 60_000 })];
    for (const rung of rungs) await (await openCollector('auto', {}, [rung])).scan();
    expect(rungs.map(({ scans }) => scans)).toEqual([1, 2]);
  });

  it('a rung that does not open or scan is passed over, and every scan says why', async () => {
    const rungs = [
      testRung('ebpf', { openProblem: 'bpf(2) is forbidden' }),
      testRung('sockdiag', { scanProblem: 'EAFNOSUPPORT' }),
      testRung('procfs'),
    ];
    const collector = await openCollector('auto', {}, rungs);
    expect(collector.name).toBe('procfs');
    for (let i = 0; i < 2; i++) {
      expect((await collector.scan()).cannotSee).toEqual([
        without('ebpf', 'bpf(2) is forbidden'),
        without('sockdiag', 'EAFNOSUPPORT'),
        'The end of a table.',
      ]);
    }
    expect(rungs[1]!.closed).toBe(1);
  });

  it('one that is asked for by name is taken, whatever stands above it', async () => {
    const rungs = [testRung('ebpf'), testRung('sockdiag'), testRung('procfs')];
    const collector = await openCollector('sockdiag', {}, rungs);
    expect(collector.name).toBe('sockdiag');
    expect((await collector.scan()).cannotSee).toEqual(['The end of a table.']);
  });

  it('what keeps both ways of eBPF from working is said once, and both are what `ebpf` asks for', async () => {
    const both = (a: string | null, b: string | null): TestRung[] => [
      testRung('ebpf', { openProblem: a }),
      testRung('ebpf-files', { openProblem: b }),
      testRung('sockdiag'),
    ];
    const problems = async (rungs: readonly Rung[]): Promise<readonly string[]> => {
      return (await (await openCollector('auto', {}, rungs)).scan()).cannotSee.slice(0, -1);
    };
    expect(await problems(both('EPERM', 'EPERM'))).toEqual([without('ebpf', 'EPERM')]);
    expect(await problems(both('no cast', 'EPERM'))).toEqual([
      without('ebpf', 'no cast'),
      without('ebpf-files', 'EPERM'),
    ]);
    expect((await openCollector('ebpf', {}, both('no cast', null))).name).toBe('ebpf-files');
    expect((await openCollector('ebpf-files', {}, both(null, null))).name).toBe('ebpf-files');
    await expect(openCollector('ebpf-files', {}, [testRung('ebpf')])).rejects.toThrow(SourceError);
    await expect(openCollector('ebpf', {}, both('EPERM', 'EPERM'))).rejects.toThrow(
      /^ebpf does not work here: EPERM; to get it: allow ebpf\.$/,
    );
  });

  it('one that is asked for and does not work is an error of one line', async () => {
    const rungs = [testRung('ebpf', { openProblem: 'bpf(2) is forbidden' }), testRung('procfs')];
    const opening = openCollector('ebpf', {}, rungs);
    await expect(opening).rejects.toThrow(SourceError);
    await expect(opening).rejects.toThrow(
      'ebpf does not work here: bpf(2) is forbidden; to get it: allow ebpf.',
    );
    await expect(openCollector('sockdiag', {}, rungs)).rejects.toThrow(
      'sockdiag is not part of this version of whotalks.',
    );
  });

  it('without a /proc no rung is to blame', async () => {
    const opening = openCollector('auto', { procRoot: '/nonexistent/proc' });
    await expect(opening).rejects.toThrow(ProcRootError);
  });

  it('a copy of /proc is read by procfs alone', async () => {
    const procRoot = `${import.meta.dirname}/../../fixtures/proc`;
    const collector = await openCollector('auto', { procRoot });
    expect(collector.name).toBe('procfs');
    const copied = await collector.scan();
    expect(copied.sockets).toHaveLength(11);
    expect(copied.cannotSee).toEqual([]);
    await expect(openCollector('sockdiag', { procRoot })).rejects.toThrow(
      `sockdiag does not work here: ${procRoot} is a copy of /proc, not the kernel's own; to get it: `,
    );
  });

  it('all rungs are examined one by one', async () => {
    const rungs = [testRung('ebpf', { openProblem: 'no BTF' }), testRung('procfs')];
    expect(await examineRungs({}, rungs)).toEqual([
      { name: 'ebpf', problem: 'no BTF', lost: 'ebpf is lost', fix: 'allow ebpf' },
      { name: 'procfs', problem: null, lost: 'procfs is lost', fix: 'allow procfs' },
    ]);
    expect(rungs.map(({ closed }) => closed)).toEqual([0, 1]);
  });
});

describe('a rung that stops working', () => {
  it('is left after a few failures in a row, and the scan says so', async () => {
    const rungs = [testRung('ebpf'), testRung('sockdiag', { openProblem: 'no koffi' }), testRung('procfs')];
    const collector = await openCollector('auto', {}, rungs);
    await collector.scan();
    rungs[0]!.scanProblem = 'ENOMEM';
    for (let i = 1; i < failuresMax; i++) await expect(collector.scan()).rejects.toThrow('ENOMEM');
    expect(collector.name).toBe('ebpf');
    expect((await collector.scan()).cannotSee).toEqual([
      without('ebpf', 'it stopped working: ENOMEM'),
      without('sockdiag', 'no koffi'),
      'The end of a table.',
    ]);
    expect(collector.name).toBe('procfs');
    expect(rungs[0]!.closed).toBe(1);
  });

  it('is kept when it works again in between', async () => {
    const rungs = [testRung('ebpf'), testRung('procfs')];
    const collector = await openCollector('auto', {}, rungs);
    await collector.scan();
    for (let i = 0; i < 2 * failuresMax; i++) {
      rungs[0]!.scanProblem = i % failuresMax === 0 ? null : 'ENOMEM';
      await collector.scan().catch(() => null);
    }
    expect(collector.name).toBe('ebpf');
  });

  it('is kept when there is none below it, or it was asked for by name', async () => {
    for (const source of ['auto', 'ebpf'] as const) {
      const rungs = source === 'auto' ? [testRung('ebpf')] : [testRung('ebpf'), testRung('procfs')];
      const collector = await openCollector(source, {}, rungs);
      await collector.scan();
      rungs[0]!.scanProblem = 'ENOMEM';
      for (let i = 0; i < 2 * failuresMax; i++) await expect(collector.scan()).rejects.toThrow('ENOMEM');
      rungs[0]!.scanProblem = null;
      await collector.scan();
      expect(collector.name).toBe('ebpf');
    }
  });

  it('comes back when it works again, after a while', async () => {
    const rungs = [testRung('ebpf'), testRung('sockdiag'), testRung('procfs')];
    const collector = await openCollector('auto', {}, rungs, 20);
    await collector.scan();
    rungs[0]!.scanProblem = 'EMFILE';
    for (let i = 1; i < failuresMax; i++) await expect(collector.scan()).rejects.toThrow('EMFILE');
    expect((await collector.scan()).cannotSee).toEqual([
      without('ebpf', 'it stopped working: EMFILE'),
      'The end of a table.',
    ]);
    // Tried again, and in vain: the agent goes on where it stands.
    const inVain = [without('ebpf', 'EMFILE'), 'The end of a table.'].join();
    await until('it was tried', async () => (await collector.scan()).cannotSee.join() === inVain);
    expect([collector.name, rungs[1]!.closed]).toEqual(['sockdiag', 0]);
    rungs[0]!.scanProblem = null;
    await until(
      'it is back',
      async () => (await collector.scan()).cannotSee.join() === 'The end of a table.',
    );
    expect([collector.name, rungs[1]!.closed]).toEqual(['ebpf', 1]);
    expect(rungs[2]!.opened).toBe(0);
  });

  it('is not tried again before that', async () => {
    const rungs = [testRung('ebpf'), testRung('procfs')];
    const collector = await openCollector('auto', {}, rungs);
    rungs[0]!.scanProblem = 'EMFILE';
    await collector.scan();
    for (let i = 1; i < failuresMax; i++) await expect(collector.scan()).rejects.toThrow('EMFILE');
    await collector.scan();
    rungs[0]!.scanProblem = null;
    await collector.scan();
    expect([collector.name, rungs[0]!.opened]).toEqual(['procfs', 1]);
  });

  it('when all of them fail, the climb begins anew', async () => {
    const rungs = [testRung('sockdiag'), testRung('procfs')];
    const collector = await openCollector('auto', {}, rungs);
    await collector.scan();
    for (const rung of rungs) rung.scanProblem = 'EMFILE';
    for (let i = 1; i < failuresMax; i++) await expect(collector.scan()).rejects.toThrow('EMFILE');
    await expect(collector.scan()).rejects.toThrow(SourceError);
    await expect(collector.scan()).rejects.toThrow(
      'sockdiag does not work here: EMFILE; to get it: allow sockdiag.',
    );
    expect(collector.name).toBe('none');
    for (const rung of rungs) rung.scanProblem = null;
    expect((await collector.scan()).cannotSee).toEqual(['The end of a table.']);
    expect(collector.name).toBe('sockdiag');
  });
});
