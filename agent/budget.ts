/** The agent's own CPU: measured after each scan, held under `--cpu-max` by its pace, and told where that costs something. */
import type { Logger } from 'pino';
import type { CpuMeter } from './cpu-meter.ts';
import { beginPace, type Pace, type PaceTimes, paceAfterScan, paceIntervalMs, paceTimes } from './pace.ts';

export interface BudgetOptions {
  /** From the start of one scan to the start of the next, as the person asks for it. */
  readonly intervalMs: number;
  /** Percent of one core; 0 = no limit. */
  readonly cpuMaxPercent: number;
  readonly cpu: CpuMeter;
  readonly monotonicMs: () => number;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Default paceTimes. */
  readonly times?: PaceTimes | undefined;
}

export class Budget {
  readonly #options: BudgetOptions;
  readonly #limits: { readonly intervalMs: number; readonly cpuShareMax: number };
  readonly #times: PaceTimes;
  /** null before the first scan was made. */
  #pace: Pace | null = null;
  #throttleMs = 0;
  /** Times that the interval became another. */
  changes = 0;

  constructor(options: BudgetOptions) {
    this.#options = options;
    this.#limits = { intervalMs: options.intervalMs, cpuShareMax: options.cpuMaxPercent / 100 };
    this.#times = options.times ?? paceTimes;
  }

  /** From the start of one scan to the start of the next. */
  get intervalMs(): number {
    return Math.max(this.#ownIntervalMs, this.#throttleMs);
  }

  /** What the person asks for. */
  get configuredMs(): number {
    return this.#limits.intervalMs;
  }

  /** Part of a core that may be used; 0 = no limit. */
  get shareMax(): number {
    return this.#limits.cpuShareMax;
  }

  /** Part of a core that was used lately; null where that is not measured, or not yet. */
  get share(): number | null {
    return this.#pace?.kind === 'measuring' ? this.#pace.share : null;
  }

  /** The aggregator asks for scans this far apart, at least. */
  throttle(minIntervalMs: number): void {
    this.#throttleMs = minIntervalMs;
  }

  turnBegins(): void {
    this.#options.cpu.turnBegins();
  }

  turnEnds(): void {
    const { cpu, monotonicMs } = this.#options;
    cpu.turnEnds();
    const nowMs = monotonicMs();
    const before = this.#ownIntervalMs;
    this.#pace =
      this.#pace === null
        ? beginPace(this.#limits, nowMs, this.#times)
        : paceAfterScan(this.#pace, { nowMs, cpuMs: cpu.usedMs }, this.#limits, this.#times);
    if (this.#ownIntervalMs !== before) this.#tellChange();
  }

  /** What a person has to know: empty while scans are as far apart as was asked for. */
  get sentences(): readonly string[] {
    return this.#ownIntervalMs === this.#limits.intervalMs ? [] : [asSentence(this.#stretched())];
  }

  get #ownIntervalMs(): number {
    return this.#pace === null ? this.#limits.intervalMs : paceIntervalMs(this.#pace, this.#limits);
  }

  #tellChange(): void {
    const { log } = this.#options;
    this.changes++;
    const isStretched = this.#ownIntervalMs > this.#limits.intervalMs;
    if (isStretched) log.warn({ intervalMs: this.#ownIntervalMs, share: this.share }, this.#stretched());
    else log.info(`scans are made every ${spanText(this.#limits.intervalMs)} again`);
  }

  #stretched(): string {
    const allowed = `the ${this.#options.cpuMaxPercent} % of a core that --cpu-max allows`;
    const pace = `scans are made every ${spanText(this.#ownIntervalMs)} rather than every ${spanText(this.#limits.intervalMs)}`;
    const isLongest = this.#ownIntervalMs >= this.#times.intervalMaxMs;
    const isExceeded = isLongest && (this.share ?? 0) > this.#limits.cpuShareMax;
    if (isExceeded) return `${pace}, and still the agent uses more than ${allowed}`;
    return `${pace}: more often would use more than ${allowed}`;
  }
}

function spanText(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}

function asSentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}
