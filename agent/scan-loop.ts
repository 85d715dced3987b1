/**
 * Scans at an interval, one at a time: a scan that takes longer than the interval delays the next one and is told, and
 * one that fails leaves a gap, never a stop.
 */
import { type Clock, realTimers, type Timers } from '../model/timers.ts';
import type { Collector, Scan } from './collector.ts';

/** What one turn of the loop brought. */
export type ScanOutcome =
  | { readonly kind: 'scanned'; readonly scan: Scan; readonly tookMs: number; readonly overran: boolean }
  | { readonly kind: 'failed'; readonly error: unknown; readonly startedAtMs: number };

/** Is told when a turn begins and when it ends: a scan, and what the consumer does with it. */
export interface TurnListener {
  turnBegins(): void;
  turnEnds(): void;
}

export interface ScanLoopOptions {
  readonly collector: Collector;
  /** From start to start; asked before each wait, because it may be stretched. */
  readonly intervalMs: () => number;
  readonly turns?: readonly TurnListener[];
  readonly clock: Clock;
  /** Default: those of this process. */
  readonly timers?: Timers;
  /** Ends the loop, also in the middle of a wait. */
  readonly signal: AbortSignal;
}

/** Yields until `signal` is aborted. The time that the consumer takes counts towards the interval. */
export async function* scanLoop(options: ScanLoopOptions): AsyncGenerator<ScanOutcome, void, undefined> {
  const { collector, intervalMs, turns = [], clock, timers = realTimers, signal } = options;
  while (!signal.aborted) {
    const startedMs = clock.monotonicMs();
    const startedAtMs = clock.nowMs();
    for (const listener of turns) listener.turnBegins();
    try {
      const scan = await collector.scan();
      const tookMs = clock.monotonicMs() - startedMs;
      yield { kind: 'scanned', scan, tookMs, overran: tookMs > intervalMs() };
    } catch (error) {
      yield { kind: 'failed', error, startedAtMs };
    }
    for (const listener of turns) listener.turnEnds();
    // A scan that overran still leaves a breath, so that the loop never keeps a core busy.
    await sleep(timers, Math.max(breathMs, startedMs + intervalMs() - clock.monotonicMs()), signal);
  }
}

/** The least time between the end of one scan and the start of the next. */
const breathMs = 20;

/** Also over when `signal` is aborted. */
function sleep(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = timers.after(signal.aborted ? 0 : ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
