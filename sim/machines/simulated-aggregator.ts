/** The aggregator's machine: run after run of the real ingest, correlation and answers. */
import { defaultCorrelatorLimits } from '../../aggregator/correlate/correlator.ts';
import { Naming } from '../../aggregator/graph/naming.ts';
import { createIngest, type Ingest } from '../../aggregator/ingest/ingest.ts';
import type { IngestLimits } from '../../aggregator/ingest/limits.ts';
import { LiveView } from '../../aggregator/live-view.ts';
import { AnswerTurns } from '../../aggregator/serve/answer-turns.ts';
import type { SimulatedTime } from '../engine/simulated-time.ts';
import type { Trace } from '../engine/trace.ts';
import type { MachineClock } from './machine-clock.ts';
import { simulatedLog } from './quiet-log.ts';
import { SimulatedProcess } from './simulated-process.ts';

/** As run.ts has it. */
export const sweepIntervalMs = 500;

/** Connections that are kept as columns, at most: more than any simulated fleet has. */
const plainMax = 1 << 12;

export interface AggregatorParts {
  readonly time: SimulatedTime;
  readonly trace: Trace;
  readonly clock: MachineClock;
  readonly limits: Partial<IngestLimits>;
  /** It says that something is wrong with itself. */
  readonly complained: (text: string) => void;
}

/** One run. */
export interface RunningAggregator {
  readonly run: number;
  readonly process: SimulatedProcess;
  readonly view: LiveView;
  readonly ingest: Ingest;
  readonly answerTurns: AnswerTurns;
}

export class SimulatedAggregator {
  readonly clock: MachineClock;
  readonly #parts: AggregatorParts;
  #running: RunningAggregator | null = null;
  #runs = 0;

  constructor(parts: AggregatorParts) {
    this.#parts = parts;
    this.clock = parts.clock;
  }

  get running(): RunningAggregator | null {
    return this.#running;
  }

  start(): void {
    if (this.#running !== null) return;
    const { time, trace, clock, limits, complained } = this.#parts;
    const run = ++this.#runs;
    trace.note(time.nowMs, 'aggregator starts', run);
    const process = new SimulatedProcess(time, clock);
    const { timers } = process;
    const monotonicClock = clock.monotonicMs;
    const view: LiveView = new LiveView({
      naming: new Naming([], []),
      limits: { ...defaultCorrelatorLimits, plainMax },
      sinceMs: clock.nowMs(),
      clock: clock.nowMs,
      monotonicClock,
      hosts: () => ingest.hosts(),
    });
    const ingest = createIngest({
      reports: view.reports,
      clock: clock.nowMs,
      monotonicClock,
      timers,
      log: simulatedLog(time, trace, 'aggregator', complained),
      serverId: `run-${run}`,
      version: 'simulated',
      limits,
    });
    timers.every(sweepIntervalMs, () => {
      ingest.sweep(clock.nowMs());
      view.correlator.sweep(clock.nowMs());
    });
    const answerTurns = new AnswerTurns({
      monotonicClock,
      defer: (serve) => void timers.soon(serve),
    });
    this.#running = { run, process, view, ingest, answerTurns };
  }

  /** SIGKILL. */
  kill(): void {
    if (this.#running === null) return;
    const { time, trace } = this.#parts;
    trace.note(time.nowMs, 'aggregator is killed', this.#running.run);
    this.#running.process.kill();
    this.#running = null;
  }
}
