/**
 * Collectors and ss side by side on namespaces that churn, as long as it is wanted. In each round procfs looks, then every
 * rung and ss, then procfs again: it is compared with the others both ways, so that nothing is missing in either.
 */
import { openCollector } from '../../../agent/collect/ladder.ts';
import { ownerSweepMs } from '../../../agent/collect/owner-search.ts';
import { fullDumpIntervalMs } from '../../../agent/collect/ownerless-sockets.ts';
import type { RungName } from '../../../agent/collect/source.ts';
import type { Collector } from '../../../agent/collector.ts';
import { type Arena, openArena } from './arena.ts';
import {
  Comparison,
  type Difference,
  type DifferenceKind,
  type Judgement,
  type LateMaxMs,
} from './comparison.ts';
import { type Snapshot, takeSnapshot } from './snapshot.ts';
import { takeSsSnapshot } from './ss-snapshot.ts';

export interface SideBySideOptions {
  readonly rungs: readonly RungName[];
  /** One namespace for each. */
  readonly seeds: readonly number[];
  readonly snapshots: number;
  /** ss is a process each time: of this many snapshots one is compared with it. */
  readonly ssEvery: number;
  /** Ends sooner when this is true. */
  readonly isEnough?: (report: SideBySideReport) => boolean;
}

export interface SideBySideReport {
  snapshots: number;
  /** Sockets that were certain, summed over views and snapshots. */
  compared: number;
  /** How many differences of each kind, by `VIEW, as OTHER shows`. */
  readonly explained: Map<string, Map<DifferenceKind, number>>;
  /** Those of kind unexplained, in words. */
  readonly unexplained: string[];
}

/**
 * An fd that is exchanged while the number of fds stays the same, and both sockets have other holders, shows no sign of it
 * to sock_diag's rung. A socket that nobody held at any look, but that has an inode, is not seen by the eBPF rungs before
 * the next dump of everything: MPTCP connections that were opened and closed between two looks.
 */
const lateMaxMs: Partial<Record<string, LateMaxMs>> = {
  sockdiag: { owners: ownerSweepMs, ownerless: 0 },
  ebpf: { owners: 0, ownerless: 2 * fullDumpIntervalMs },
  'ebpf-files': { owners: 0, ownerless: 2 * fullDumpIntervalMs },
};
const neverLate: LateMaxMs = { owners: 0, ownerless: 0 };

/** How many are kept in words. */
export const unexplainedMax = 1000;

const reference = 'procfs';

/** One way of looking, compared with the reference in both directions. */
class View {
  readonly name: string;
  readonly #look: () => Promise<Snapshot>;
  readonly #ofReference: Comparison;
  readonly #ofView: Comparison;
  #before: Snapshot | null = null;
  #shown: Snapshot = new Map();

  constructor(name: string, look: () => Promise<Snapshot>) {
    this.name = name;
    this.#look = look;
    this.#ofReference = new Comparison(lateMaxMs[name] ?? neverLate);
    this.#ofView = new Comparison(lateMaxMs[name] ?? neverLate);
  }

  /** @param between what the reference showed last */
  async look(between: Snapshot): Promise<Judgement> {
    this.#before = this.#shown;
    this.#shown = await this.#look();
    return this.#ofView.judge(this.#before, between, this.#shown, performance.now());
  }

  compare(before: Snapshot, after: Snapshot): Judgement {
    return this.#ofReference.judge(before, this.#shown, after, performance.now());
  }
}

export async function runSideBySide(options: SideBySideOptions): Promise<SideBySideReport> {
  const arenas: Arena[] = [];
  const collectors: Collector[] = [];
  try {
    for (const seed of options.seeds) arenas.push(await openArena(seed));
    for (const rung of [reference, ...options.rungs] as const) {
      const collector = await openCollector(rung);
      collectors.push(collector);
      // The first scan is the one that the rung was tried with, which is older than what it is compared with.
      await collector.scan();
    }
    return await compareRounds(options, arenas, collectors);
  } finally {
    for (const collector of collectors) collector.close();
    for (const arena of arenas) arena.close();
  }
}

async function compareRounds(
  { snapshots, ssEvery, isEnough = () => false }: SideBySideOptions,
  arenas: readonly Arena[],
  [standard, ...collectors]: readonly Collector[],
): Promise<SideBySideReport> {
  const namespaces = new Set(arenas.map(({ netns }) => netns));
  const views = collectors.map((one) => new View(one.name, () => takeSnapshot(one, namespaces)));
  const ss = new View('ss', () => takeAll(arenas));
  const report: SideBySideReport = { snapshots: 0, compared: 0, explained: new Map(), unexplained: [] };
  let before = await takeSnapshot(standard!, namespaces);
  while (report.snapshots < snapshots && !isEnough(report)) {
    const looking = report.snapshots % ssEvery === 0 ? [...views, ss] : views;
    for (const view of looking) note(report, reference, view.name, await view.look(before));
    const after = await takeSnapshot(standard!, namespaces);
    for (const view of looking) note(report, view.name, reference, view.compare(before, after));
    before = after;
    report.snapshots++;
  }
  return report;
}

async function takeAll(arenas: readonly Arena[]): Promise<Snapshot> {
  const all = await Promise.all(arenas.map((arena) => takeSsSnapshot(arena)));
  return new Map(all.flatMap((one) => [...one]));
}

/** @param shownBy the view that should show what `expectedBy` does */
function note(report: SideBySideReport, shownBy: string, expectedBy: string, judgement: Judgement): void {
  report.compared += judgement.compared;
  const pair = `${shownBy}, as ${expectedBy} shows`;
  for (const difference of judgement.differences) {
    if (difference.kind === 'unexplained') {
      if (report.unexplained.length < unexplainedMax) report.unexplained.push(inWords(pair, difference));
      continue;
    }
    const kinds = report.explained.get(pair) ?? new Map<DifferenceKind, number>();
    report.explained.set(pair, kinds.set(difference.kind, (kinds.get(difference.kind) ?? 0) + 1));
  }
}

function inWords(pair: string, { socket, expected, shown }: Difference): string {
  return `${pair}: ${socket} [${expected}] is ${shown === null ? 'missing' : `[${shown}]`}`;
}
