/**
 * How far apart scans are, so that the agent keeps to its share of a core. Pure: a state, and one transition per scan.
 *
 * What is measured is the CPU per scan: all that the agent uses from one scan to the next, divided by their number. The
 * interval at which this makes the allowed share is cost / share. CPU that is spent on other things counts as if scans had
 * caused it, which is a little too much after the interval was stretched; so it is approached in a few steps.
 *
 * Cost per scan and interval are not independent: a load that comes back each minute may meet the scans always or never.
 * So what was used beyond the allowed share is remembered as a debt, and paid back by scans that are further apart: over
 * any long time the share is kept, whatever the load.
 *
 *     unlimited    the person set no limit
 *     warming-up   code is loaded and compiled, the first snapshot goes out: nothing of that comes again
 *     measuring    window after window, the cost is averaged and the interval follows it
 */

/** What of a second is gone when; both only ever grow. */
export interface CpuReading {
  /** Monotonic clock. */
  readonly nowMs: number;
  /** CPU used so far, user and system. */
  readonly cpuMs: number;
}

export interface PaceLimits {
  /** What the person asked for; scans are never closer than that. */
  readonly intervalMs: number;
  /** Part of one core: 0.02 is two percent. 0 = no limit. */
  readonly cpuShareMax: number;
}

export interface PaceTimes {
  /** From the first scan on, nothing is measured for so long. */
  readonly warmUpMs: number;
  /** The shortest time over which a cost is measured. A window ends with a scan. */
  readonly windowMs: number;
  /** Time constant of the average: what is older than that hardly counts any more. */
  readonly averageOverMs: number;
  /** Scans are never further apart, unless the person asks for it. */
  readonly intervalMaxMs: number;
  /** A debt is paid back over so long. */
  readonly repayOverMs: number;
  /** More than what may be used in so long is not owed: a load that was beyond all limits is not paid for long after it. */
  readonly debtMaxOfMs: number;
}

export const paceTimes: PaceTimes = {
  warmUpMs: 10_000,
  windowMs: 10_000,
  averageOverMs: 30_000,
  intervalMaxMs: 30_000,
  repayOverMs: 300_000,
  debtMaxOfMs: 150_000,
};

/** By how much the right interval is off before it is taken: a change is told to people, so it has to be worth it. */
const stretchFrom = 1.1;
const relaxFrom = 0.9;

export type Pace =
  | { readonly kind: 'unlimited' }
  | { readonly kind: 'warming-up'; readonly untilMs: number }
  | {
      readonly kind: 'measuring';
      /** Where the window began. */
      readonly since: CpuReading;
      /** Scans in the window. */
      readonly scans: number;
      /** Average CPU per scan. */
      readonly costMs: number;
      /** CPU used beyond the allowed share and not paid back yet. */
      readonly debtMs: number;
      /** Part of a core that was used in the last window; null before the first has ended. */
      readonly share: number | null;
      readonly intervalMs: number;
    };

export function beginPace(limits: PaceLimits, nowMs: number, times: PaceTimes = paceTimes): Pace {
  if (limits.cpuShareMax === 0) return { kind: 'unlimited' };
  return { kind: 'warming-up', untilMs: nowMs + times.warmUpMs };
}

/** Another scan was made, and what it brought is dealt with. */
export function paceAfterScan(
  pace: Pace,
  reading: CpuReading,
  limits: PaceLimits,
  times: PaceTimes = paceTimes,
): Pace {
  if (pace.kind === 'unlimited') return pace;
  if (pace.kind === 'warming-up') return reading.nowMs < pace.untilMs ? pace : firstWindow(reading, limits);
  const scans = pace.scans + 1;
  const elapsedMs = reading.nowMs - pace.since.nowMs;
  if (elapsedMs < times.windowMs) return { ...pace, scans };
  const usedMs = reading.cpuMs - pace.since.cpuMs;
  const weight = 1 - Math.exp(-elapsedMs / times.averageOverMs);
  const costMs = pace.costMs + weight * (usedMs / scans - pace.costMs);
  const { cpuShareMax } = limits;
  const debtMs = clamp(pace.debtMs + usedMs - cpuShareMax * elapsedMs, 0, cpuShareMax * times.debtMaxOfMs);
  const rightMs = costMs / (cpuShareMax - debtMs / times.repayOverMs);
  return {
    kind: 'measuring',
    since: reading,
    scans: 0,
    costMs,
    debtMs,
    share: usedMs / elapsedMs,
    intervalMs: nextInterval(pace.intervalMs, rightMs, limits, times),
  };
}

/** From the start of one scan to the start of the next. */
export function paceIntervalMs(pace: Pace, limits: PaceLimits): number {
  return pace.kind === 'measuring' ? pace.intervalMs : limits.intervalMs;
}

/** The average begins with just what is allowed, so that one expensive window does not change much. */
function firstWindow(reading: CpuReading, limits: PaceLimits): Pace {
  return {
    kind: 'measuring',
    since: reading,
    scans: 0,
    costMs: limits.cpuShareMax * limits.intervalMs,
    debtMs: 0,
    share: null,
    intervalMs: limits.intervalMs,
  };
}

function nextInterval(
  intervalMs: number,
  rightMs: number,
  limits: PaceLimits,
  { intervalMaxMs }: PaceTimes,
): number {
  if (rightMs <= limits.intervalMs) return limits.intervalMs;
  const isOff = rightMs > intervalMs * stretchFrom || rightMs < intervalMs * relaxFrom;
  if (!isOff) return intervalMs;
  return Math.min(roundedUp(rightMs), Math.max(intervalMaxMs, limits.intervalMs));
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

/** To two digits, which is what a person reads. */
function roundedUp(ms: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(ms)) - 1);
  return Math.ceil(ms / unit) * unit;
}
