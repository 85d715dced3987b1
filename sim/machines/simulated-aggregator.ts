/** The aggregator's machine: run after run of the real ingest, correlation and answers. */

import type { Logger } from 'pino';
import { defaultCorrelatorLimits } from '../../aggregator/correlate/correlator.ts';
import { Naming } from '../../aggregator/graph/naming.ts';
import { createIngest, type Ingest } from '../../aggregator/ingest/ingest.ts';
import type { IngestLimits } from '../../aggregator/ingest/limits.ts';
import { type KeepingOptions, type Kept, openKept, startKeeping } from '../../aggregator/journal/keeping.ts';
import type { DataConfig } from '../../aggregator/journal/kept-folder.ts';
import type { JournalLimits } from '../../aggregator/journal/limits.ts';
import { LiveView } from '../../aggregator/live-view.ts';
import { AnswerTurns } from '../../aggregator/serve/answer-turns.ts';
import { createDisk } from '../../disk/disk.ts';
import type { SimulatedTime } from '../engine/simulated-time.ts';
import type { Trace } from '../engine/trace.ts';
import type { MachineClock } from './machine-clock.ts';
import { simulatedLog } from './quiet-log.ts';
import type { SimulatedDisk } from './simulated-disk.ts';
import { SimulatedProcess } from './simulated-process.ts';

/** As run.ts has it. */
export const sweepIntervalMs = 500;

/** Connections that are kept as columns, at most: more than any simulated fleet has. */
const plainMax = 1 << 12;

export interface AggregatorParts {
  readonly time: SimulatedTime;
  readonly trace: Trace;
  readonly clock: MachineClock;
  readonly disk: SimulatedDisk;
  readonly plan: AggregatorPlan;
  /** It takes calls. */
  readonly opened: (running: RunningAggregator) => void;
  /** It says that something is wrong with itself, or fails. */
  readonly complained: (text: string) => void;
}

export interface AggregatorPlan {
  readonly limits: Partial<IngestLimits>;
  readonly journal: Partial<JournalLimits>;
  /** How long what is closed is shown. */
  readonly lingerMs: number;
}

/** One run, once it takes calls. */
export interface RunningAggregator {
  readonly run: number;
  readonly process: SimulatedProcess;
  readonly view: LiveView;
  readonly ingest: Ingest;
  readonly answerTurns: AnswerTurns;
  readonly kept: Kept;
}

/** Where it keeps things. */
const data: DataConfig = { folder: '/data', isChosen: true, bytesMax: 1 << 30 };

export class SimulatedAggregator {
  readonly clock: MachineClock;
  readonly disk: SimulatedDisk;
  readonly #parts: AggregatorParts;
  #process: SimulatedProcess | null = null;
  #running: RunningAggregator | null = null;
  #runs = 0;

  constructor(parts: AggregatorParts) {
    this.#parts = parts;
    this.clock = parts.clock;
    this.disk = parts.disk;
  }

  /** null while it is down, and while it takes in what it has kept. */
  get running(): RunningAggregator | null {
    return this.#running;
  }

  get process(): SimulatedProcess | null {
    return this.#process;
  }

  start(): void {
    if (this.#process !== null) return;
    const { time, trace, clock, complained } = this.#parts;
    const run = ++this.#runs;
    trace.note(time.nowMs, 'aggregator starts', run);
    const process = new SimulatedProcess(time, clock);
    this.#process = process;
    this.#main(run, process).catch((error: unknown) => {
      if (process.isAlive)
        complained(error instanceof Error ? (error.stack ?? error.message) : String(error));
    });
  }

  /** SIGKILL. */
  kill(): void {
    if (this.#process === null) return;
    const { time, trace } = this.#parts;
    trace.note(time.nowMs, 'aggregator is killed', this.#runs);
    this.#process.kill();
    this.#process = null;
    this.#running = null;
  }

  /** As run.ts does it, without doors. */
  async #main(run: number, process: SimulatedProcess): Promise<void> {
    const { time, trace, clock, disk, plan, complained } = this.#parts;
    const log = simulatedLog(time, trace, 'aggregator', complained);
    const keeping: KeepingOptions = {
      log,
      disk: createDisk(disk.filesOf(process)),
      takeFolder: () => Promise.resolve({ kind: 'taken', lock: { close: () => undefined } }),
      clock,
      timers: process.timers,
      limits: plan.journal,
    };
    const folder = await openKept(data, keeping);
    const { view, ingest } = createCore(log, process, { ...plan, run, sinceMs: folder!.checkpoint?.sinceMs });
    const kept = await startKeeping(folder!, { view, ingest }, keeping);
    process.timers.every(sweepIntervalMs, () => {
      ingest.sweep(clock.nowMs());
      view.correlator.sweep(clock.nowMs());
    });
    const answerTurns = new AnswerTurns({
      monotonicClock: clock.monotonicMs,
      defer: (serve) => void process.timers.soon(serve),
    });
    trace.note(time.nowMs, 'aggregator takes calls', run, kept.restored.records, kept.restored.torn);
    this.#running = { run, process, view, ingest, answerTurns, kept };
    this.#parts.opened(this.#running);
  }
}

function createCore(
  log: Logger,
  { clock, timers }: SimulatedProcess,
  { limits, lingerMs, run, sinceMs }: AggregatorPlan & { run: number; sinceMs: number | undefined },
): { view: LiveView; ingest: Ingest } {
  const view: LiveView = new LiveView({
    naming: new Naming([], []),
    limits: { ...defaultCorrelatorLimits, plainMax, lingerMs },
    sinceMs: sinceMs ?? clock.nowMs(),
    startedMs: clock.nowMs(),
    clock: clock.nowMs,
    monotonicClock: clock.monotonicMs,
    hosts: () => ingest.hosts(),
  });
  const ingest = createIngest({
    reports: view.reports,
    clock: clock.nowMs,
    monotonicClock: clock.monotonicMs,
    timers,
    log,
    serverId: `run-${run}`,
    version: 'simulated',
    limits,
  });
  return { view, ingest };
}
