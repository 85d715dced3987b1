/**
 * An agent without its network: collector and watch in a process of its own, measured tick by tick. CPU is that of the
 * whole process: threads of the pool, garbage collection and whatever else a tick sets off.
 */
import { createInterface } from 'node:readline';
import { openCollector } from '../../agent/collect/ladder.ts';
import type { RungName } from '../../agent/collect/source.ts';
import type { Collector, Scan } from '../../agent/collector.ts';
import { inSlices } from '../../agent/procfs/time-slice.ts';
import { SocketWatch } from '../../agent/watch/socket-watch.ts';

/** What is asked of a ticker, one JSON text per line. */
export interface TickQuestion {
  /** By a collector of its own that knows nothing yet; else by the one that lasts. */
  readonly isCold: boolean;
  /** Also finds out for how long the event loop stood still, which takes CPU itself. */
  readonly isLoopWatched: boolean;
}

export interface MeasuredTick {
  readonly cpuMs: number;
  readonly wallMs: number;
  /** The longest time in which the event loop did not turn; null when it was not watched. */
  readonly blockedMs: number | null;
  readonly rssMiB: number;
  readonly sockets: number;
  readonly ownedSockets: number;
}

/** The word that makes a bench program run as a ticker, before the name of its rung. */
export const tickerRole = 'ticker';

/** Answers each line on stdin, a TickQuestion, with a MeasuredTick, until stdin ends. */
export async function runTicker(rung: RungName): Promise<void> {
  const lasting = { collector: await openCollector(rung), watch: new SocketWatch() };
  for await (const line of createInterface({ input: process.stdin })) {
    const { isCold, isLoopWatched } = JSON.parse(line) as TickQuestion;
    const loop = isLoopWatched ? new LoopWatch() : null;
    const startedMs = performance.now();
    const before = process.cpuUsage();
    const agent = isCold ? { collector: await openCollector(rung), watch: new SocketWatch() } : lasting;
    const { sockets } = await tick(agent);
    const { user, system } = process.cpuUsage(before);
    const wallMs = performance.now() - startedMs;
    if (agent !== lasting) agent.collector.close();
    const measured: MeasuredTick = {
      cpuMs: (user + system) / 1000,
      wallMs,
      blockedMs: loop?.stop() ?? null,
      rssMiB: process.memoryUsage.rss() / 2 ** 20,
      sockets: sockets.length,
      ownedSockets: sockets.filter(({ owners }) => owners.length > 0).length,
    };
    process.stdout.write(`${JSON.stringify(measured)}\n`);
  }
  lasting.collector.close();
}

async function tick({ collector, watch }: { collector: Collector; watch: SocketWatch }): Promise<Scan> {
  const scan = await collector.scan();
  await inSlices(watch.applying(scan));
  return scan;
}

/** Turns the loop as fast as it goes, and notes the longest turn. */
class LoopWatch {
  #lastMs = performance.now();
  #longestMs = 0;
  #isOver = false;

  constructor() {
    this.#turn();
  }

  stop(): number {
    this.#isOver = true;
    this.#note();
    return this.#longestMs;
  }

  #turn(): void {
    this.#note();
    if (!this.#isOver) setImmediate(() => this.#turn());
  }

  #note(): void {
    const nowMs = performance.now();
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }
}
