/**
 * The ladder of collectors: the best one that works here, found by trying, and the next one when it stops working.
 *
 * A rung works when it opens and makes a whole scan. Why the rungs above were refused stands in what each scan cannot
 * see, since their lack costs something. One that stopped working is tried again after a while: descriptors and memory
 * run out and come back.
 */
import type { BoundedTable } from '../bounded-table.ts';
import type { Collector, Scan } from '../collector.ts';
import { errorLine } from '../error-line.ts';
import { isProcMount } from '../procfs/proc-mount.ts';
import { remedyOf } from '../remedy.ts';
import { ProcRootError } from './census.ts';
import type { ProcfsCollectorOptions } from './procfs-collector.ts';
import { rungs as everyRung, type Rung } from './rungs.ts';
import { type CollectorSource, isMeant, type RungName } from './source.ts';

/** How many scans in a row may fail before the next rung is tried. */
export const failuresMax = 3;

/** How long after a rung stopped working the better ones are tried again; twice as long after each try in vain. */
const comebackMinMs = 60_000;
const comebackMaxMs = 16 * comebackMinMs;

/** How long the scan that a rung was tried with may be over to count as the first one, however long it took. */
const trialFreshMs = 500;

/** No rung works, or the one that was asked for does not. The message is one line that says why and what to do. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}

/** A rung that was tried and does not work. */
interface Refusal {
  readonly rung: Rung;
  readonly problem: string;
  /** What to do to get it. */
  readonly fix: string;
}

/** A rung that works. */
interface Footing {
  readonly rung: Rung;
  readonly collector: Collector;
  /** The scan that showed it; null once it was handed out or got old. */
  trial: Scan | null;
}

/** When the better rungs are tried again, on a monotonic clock, and after how long the time after that. */
interface Comeback {
  readonly atMs: number;
  readonly delayMs: number;
}

/**
 * Rejects with SourceError, or with ProcRootError where there is no /proc: then no rung is to blame.
 *
 * @param source `auto`, or what to use (isMeant). Of a copy of /proc `auto` tries only what can be read there.
 */
export async function openCollector(
  source: CollectorSource,
  options: ProcfsCollectorOptions = {},
  rungs: readonly Rung[] = everyRung,
  comebackMs = comebackMinMs,
): Promise<Collector> {
  const isLive = isProcMount(procRootOf(options));
  const chosen = rungs.filter(({ name, needsLiveProc }) => {
    return isMeant(source, name) && (source !== 'auto' || isLive || !needsLiveProc);
  });
  if (chosen.length === 0) throw new SourceError(`${source} is not part of this version of whotalks.`);
  const ladder = new LadderCollector(chosen, options, comebackMs);
  await ladder.climb();
  return ladder;
}

/** What a try of one rung brought. */
export interface RungReport {
  readonly name: RungName;
  /** null = works. */
  readonly problem: string | null;
  readonly lost: string;
  readonly fix: string;
}

/** Tries every rung, for whoever wants to know. Rejects with ProcRootError. */
export async function examineRungs(
  options: ProcfsCollectorOptions = {},
  rungs: readonly Rung[] = everyRung,
): Promise<RungReport[]> {
  const reports: RungReport[] = [];
  for (const rung of rungs) {
    const { name, lost } = rung;
    const tried = await tryRung(rung, options);
    if ('collector' in tried) tried.collector.close();
    const { problem, fix } = 'collector' in tried ? { problem: null, fix: rung.fix } : tried;
    reports.push({ name, lost, fix, problem });
  }
  return reports;
}

type DescribedProcess = Parameters<NonNullable<Collector['detailsOf']>>[0];

class LadderCollector implements Collector {
  readonly #options: ProcfsCollectorOptions;
  readonly #rungs: readonly Rung[];
  /** Those that were not tried yet. */
  #left: readonly Rung[] = [];
  #refusals: Refusal[] = [];
  /** null before the first climb, and when none worked. */
  #footing: Footing | null = null;
  #failures = 0;
  readonly #comebackMs: number;
  /** null while no rung has stopped working. */
  #comeback: Comeback | null = null;

  constructor(rungs: readonly Rung[], options: ProcfsCollectorOptions, comebackMs: number) {
    this.#rungs = rungs;
    this.#options = options;
    this.#comebackMs = comebackMs;
  }

  get name(): string {
    return this.#footing?.rung.name ?? 'none';
  }

  get tables(): readonly BoundedTable[] {
    return this.#footing?.collector.tables ?? [];
  }

  detailsOf(process: DescribedProcess): ReturnType<NonNullable<Collector['detailsOf']>> {
    return this.#footing?.collector.detailsOf?.(process) ?? null;
  }

  /** To the best rung of all. Throws SourceError when none works. */
  climb(): Promise<void> {
    this.#left = this.#rungs;
    this.#refusals = [];
    this.#comeback = null;
    return this.#findFooting();
  }

  async scan(): Promise<Scan> {
    if (this.#footing === null) await this.climb();
    else if (this.#comeback !== null && performance.now() >= this.#comeback.atMs) await this.#comeBack();
    const { collector, trial } = this.#footing!;
    this.#footing!.trial = null;
    if (trial !== null && Date.now() - trial.finishedAtMs < trialFreshMs) return this.#withRefusals(trial);
    try {
      const scan = await collector.scan();
      this.#failures = 0;
      return this.#withRefusals(scan);
    } catch (error) {
      this.#failures++;
      if (this.#failures < failuresMax || this.#left.length === 0) throw error;
      return this.#stepDown(error);
    }
  }

  close(): void {
    this.#footing?.collector.close();
  }

  async #stepDown(error: unknown): Promise<Scan> {
    const { rung, collector } = this.#footing!;
    collector.close();
    this.#footing = null;
    this.#refusals.push(refusal(rung, error, 'it stopped working: '));
    this.#comeback ??= laterFrom(this.#comebackMs);
    await this.#findFooting();
    return this.scan();
  }

  /** To a better rung than the one it stands on, if one works again; it stands where it is meanwhile. */
  async #comeBack(): Promise<void> {
    const before = this.#footing!;
    this.#comeback = laterFrom(Math.min(this.#comeback!.delayMs, comebackMaxMs));
    const refusals: Refusal[] = [];
    for (const [i, rung] of this.#rungs.entries()) {
      if (rung === before.rung) break;
      const tried = await tryRung(rung, this.#options);
      if ('collector' in tried) {
        before.collector.close();
        this.#footing = tried;
        this.#left = this.#rungs.slice(i + 1);
        this.#failures = 0;
        if (i === 0) this.#comeback = null;
        break;
      }
      refusals.push(tried);
    }
    this.#refusals = refusals;
  }

  async #findFooting(): Promise<void> {
    while (this.#left.length > 0) {
      const [rung, ...left] = this.#left as readonly [Rung, ...Rung[]];
      this.#left = left;
      const tried = await tryRung(rung, this.#options);
      if ('collector' in tried) {
        this.#footing = tried;
        this.#failures = 0;
        return;
      }
      this.#refusals.push(tried);
    }
    throw new SourceError(onceEach(this.#refusals).map(inWords).join(' '));
  }

  #withRefusals(scan: Scan): Scan {
    if (this.#refusals.length === 0) return scan;
    return { ...scan, cannotSee: [...onceEach(this.#refusals).map(sentence), ...scan.cannotSee] };
  }
}

function laterFrom(delayMs: number): Comeback {
  return { atMs: performance.now() + delayMs, delayMs: delayMs * 2 };
}

/** What keeps all rungs of a kind (`ebpf`, `ebpf-files`) from working is told of the best of them. */
function onceEach(refusals: readonly Refusal[]): Refusal[] {
  const key = ({ rung, problem }: Refusal): string => `${rung.name.split('-', 1)[0]}: ${problem}`;
  return refusals.filter((refusal, i) => refusals.findIndex((one) => key(one) === key(refusal)) === i);
}

function inWords({ rung, problem, fix }: Refusal): string {
  return `${rung.name} does not work here: ${problem}; to get it: ${fix}.`;
}

function sentence({ rung, problem, fix }: Refusal): string {
  return `Sockets are read without ${rung.name} (${problem}), so ${rung.lost}; to get it: ${fix}.`;
}

async function tryRung(rung: Rung, options: ProcfsCollectorOptions): Promise<Footing | Refusal> {
  const procRoot = procRootOf(options);
  if (rung.needsLiveProc && !isProcMount(procRoot)) {
    return { rung, problem: `${procRoot} is a copy of /proc, not the kernel's own`, fix: rung.fix };
  }
  let collector: Collector | null = null;
  try {
    collector = await rung.open(options);
    return { rung, collector, trial: await collector.scan() };
  } catch (error) {
    collector?.close();
    if (error instanceof ProcRootError) throw error;
    return refusal(rung, error);
  }
}

/** @param before stands before the reason */
function refusal(rung: Rung, error: unknown, before = ''): Refusal {
  return { rung, problem: `${before}${errorLine(error)}`, fix: remedyOf(error, rung.fix) };
}

function procRootOf({ procRoot = '/proc' }: ProcfsCollectorOptions): string {
  return procRoot;
}
