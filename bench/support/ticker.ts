/**
 * An agent without its network: collector and watch in a process of its own, measured tick by tick. CPU is that of the
 * whole process: threads of the pool, garbage collection and whatever else a tick sets off.
 *
 * A first tick is that of a process that has made none, as an agent does when it starts: by a collector that is opened
 * for it. Code is loaded before, and compiled meanwhile. V8 is told what an agent tells it. A cold tick is by a collector
 * that is opened for it as well, and knows nothing, in a process that has made such ticks before; no agent ever does that, so
 * V8 is told nothing.
 */
import { createInterface } from 'node:readline';
import { openCollector } from '../../agent/collect/ladder.ts';
import type { RungName } from '../../agent/collect/source.ts';
import type { Collector, Scan } from '../../agent/collector.ts';
import { loadLibc } from '../../agent/libc.ts';
import { inSlices } from '../../agent/procfs/time-slice.ts';
import { tuneV8 } from '../../agent/small-heap.ts';
import { SocketWatch } from '../../agent/watch/socket-watch.ts';

/** What is asked of a ticker, one JSON text per line. */
export interface TickQuestion {
  readonly kind: 'first' | 'cold' | 'later';
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

interface Agent {
  readonly collector: Collector;
  readonly watch: SocketWatch;
}

/** Answers each line on stdin, a TickQuestion, with a MeasuredTick, until stdin ends. */
export async function runTicker(rung: RungName): Promise<void> {
  await loadCode(rung);
  let lasting: Agent | null = null;
  for await (const line of createInterface({ input: process.stdin })) {
    const { kind, isLoopWatched } = JSON.parse(line) as TickQuestion;
    if (kind === 'later') lasting ??= await openFirst(rung);
    const loop = isLoopWatched ? new LoopWatch() : null;
    const startedMs = performance.now();
    const before = process.cpuUsage();
    if (kind === 'first') lasting = await openFirst(rung);
    const agent = kind === 'cold' ? await openAgent(rung) : lasting!;
    const { sockets } = await tick(agent);
    const { user, system } = process.cpuUsage(before);
    const wallMs = performance.now() - startedMs;
    if (kind === 'cold') agent.collector.close();
    else tuneV8('laterScans');
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
  lasting?.collector.close();
}

/** What a rung loads when it is tried. */
async function loadCode(rung: RungName): Promise<void> {
  if (rung === 'sockdiag') await import('../../agent/collect/sockdiag-collector.ts');
  else await import('../../agent/collect/ebpf-collector.ts');
  await loadLibc();
}

async function openFirst(rung: RungName): Promise<Agent> {
  tuneV8('firstScan');
  return openAgent(rung);
}

async function openAgent(rung: RungName): Promise<Agent> {
  return { collector: await openCollector(rung), watch: new SocketWatch() };
}

async function tick({ collector, watch }: Agent): Promise<Scan> {
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
