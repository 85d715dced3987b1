/**
 * Ticks of an agent beside the peers on the same sockets, in rounds: every peer once, then every kind of tick once, so
 * that what else the machine does weighs on all of them.
 *
 * By eBPF a tick is the mean of ten, one of which reads everything; a quiet tick is their median.
 *
 * A measured tick comes a second after one that took notice of what happened before, as in an agent at its default
 * interval: by then other things have taken the caches.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Namespace } from '../../test/support/fleet/namespace.ts';
import { Asked } from './asked.ts';
import { type LoadSize, SocketLoad, socketsOf } from './socket-load.ts';
import { type MeasuredTick, type TickQuestion, tickerRole } from './ticker.ts';
import { timeCommand } from './timed.ts';

export const peers = {
  'ss -tnp': ['ss', '-tnp'],
  'netstat -tnp': ['netstat', '-tnp'],
  'lsof -nP -iTCP': ['lsof', '-nP', '-iTCP'],
  'ss -tn': ['ss', '-tn'],
} as const;
export type Peer = keyof typeof peers;
const peerNames = Object.keys(peers) as Peer[];

/** What a tick finds. */
export const tickKinds = [
  'eBPF',
  'eBPF, a quiet tick',
  'eBPF, the dearest of ten',
  'eBPF, at once',
  'eBPF, with sockets without an owner',
  'eBPF, 1 % new',
  'eBPF, cold',
  'eBPF, first',
  'sock_diag',
  'sock_diag, at once',
  'sock_diag, 1 % new',
  'sock_diag, cold',
  'sock_diag, first',
] as const;
export type TickKind = (typeof tickKinds)[number];

export interface Round {
  /** CPU of the whole process. */
  readonly peers: Partial<Record<Peer, number>>;
  readonly ticks: Partial<Record<TickKind, MeasuredTick>>;
}

/** Default interval of an agent. */
const intervalMs = 1000;
const warmUpRounds = 2;
const churningProcesses = 100;

/**
 * Ticks that find new sockets before those that are counted. An agent runs for weeks: what it takes while sockets come and go
 * shows when V8 has compiled what only runs then. They follow one another sooner than an agent's, and are told beside the figures.
 */
const churnWarmUpTicks = 12;
const warmUpPauseMs = 100;

/** Cold ticks before the first that is counted. */
const coldWarmUpTicks = 8;

/** By eBPF an agent reads everything every ten seconds, and what changed in between: a tick is the mean of so many. */
const cycleTicks = 10;

const plain: TickQuestion = { kind: 'later', isLoopWatched: false };

/** The rungs that are measured. */
export const measuredRungs = ['ebpf', 'sockdiag'] as const;
export type MeasuredRung = (typeof measuredRungs)[number];

type Ticks = Round['ticks'];

/** One agent. */
class Ticker {
  readonly #asked: Asked;
  readonly #another: () => Ticker;
  #cold: Ticker | null = null;

  /** @param main the bench's own program */
  constructor(inside: Namespace, main: string, rung: MeasuredRung) {
    this.#asked = new Asked(inside, [main, tickerRole, rung]);
    this.#another = () => new Ticker(inside, main, rung);
  }

  /** The first tick of another such agent. */
  async first(isLoopWatched: boolean): Promise<MeasuredTick> {
    const another = this.#another();
    const measured = await another.tick({ kind: 'first', isLoopWatched });
    another.end();
    return measured;
  }

  /** One that knows nothing, in another process, which makes no others. */
  async cold(): Promise<MeasuredTick> {
    if (this.#cold === null) {
      this.#cold = this.#another();
      for (let i = 0; i < coldWarmUpTicks; i++) await this.#cold.tick({ kind: 'cold', isLoopWatched: false });
    }
    return this.#cold.tick({ kind: 'cold', isLoopWatched: false });
  }

  async tick(question: TickQuestion = plain): Promise<MeasuredTick> {
    return JSON.parse(await this.#asked.ask(JSON.stringify(question))) as MeasuredTick;
  }

  end(): void {
    this.#cold?.end();
    this.#asked.end();
  }
}

type Tickers = ReadonlyMap<MeasuredRung, Ticker>;

async function allTakeNotice(tickers: Tickers): Promise<void> {
  for (const ticker of tickers.values()) await ticker.tick();
  await sleep(intervalMs);
}

/** What a rung is called in the figures. */
const namesOf = { ebpf: 'eBPF', sockdiag: 'sock_diag' } as const;

async function timePeers(inside: Namespace, names: readonly Peer[]): Promise<Partial<Record<Peer, number>>> {
  const times: Partial<Record<Peer, number>> = {};
  for (const name of names) times[name] = (await timeCommand(inside, peers[name])).cpuMs;
  return times;
}

/** One tick after the other at an agent's interval, the first at once. @returns the cheapest first */
async function measureCycle(ticker: Ticker): Promise<readonly MeasuredTick[]> {
  const ticks: MeasuredTick[] = [];
  for (let i = 0; i < cycleTicks; i++) {
    if (i > 0) await sleep(intervalMs);
    ticks.push(await ticker.tick());
  }
  return ticks.toSorted((a, b) => a.cpuMs - b.cpuMs);
}

function medianOf(ticks: readonly MeasuredTick[]): MeasuredTick {
  return ticks[ticks.length >> 1]!;
}

function meanOf(ticks: readonly MeasuredTick[]): MeasuredTick {
  return { ...medianOf(ticks), cpuMs: ticks.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / ticks.length };
}

/** Every socket has an owner, and nothing changes. */
async function quietRound({ inside }: SocketLoad, tickers: Tickers): Promise<Round> {
  const times = await timePeers(inside, tickers.has('ebpf') ? peerNames : ['ss -tnp']);
  await allTakeNotice(tickers);
  const ticks: Ticks = {};
  for (const [rung, ticker] of tickers) {
    const name = namesOf[rung];
    if (rung === 'ebpf') {
      const cycle = await measureCycle(ticker);
      ticks.eBPF = meanOf(cycle);
      ticks['eBPF, a quiet tick'] = medianOf(cycle);
      ticks['eBPF, the dearest of ten'] = cycle.at(-1)!;
      // The others have rested for a cycle.
      await allTakeNotice(tickers);
    } else ticks[name] = await ticker.tick();
    ticks[`${name}, at once`] = await ticker.tick();
    await sleep(intervalMs);
  }
  for (const [rung, ticker] of tickers) {
    ticks[`${namesOf[rung]}, cold`] = await ticker.cold();
    ticks[`${namesOf[rung]}, first`] = await ticker.first(false);
  }
  return { peers: times, ticks };
}

/** Something is in TIME_WAIT, and something in an accept queue. */
async function busyRound(load: SocketLoad, tickers: Tickers, churn: number): Promise<Round> {
  const times = await timePeers(load.inside, ['ss -tnp']);
  for (const ticker of tickers.values()) await ticker.tick();
  // What is due in every second (processes that are read again, fds that are walked again) is not to be due for longer.
  const intervalOver = sleep(intervalMs);
  await load.churn(churn, churningProcesses);
  await intervalOver;
  const ticks: Ticks = {};
  for (const [rung, ticker] of tickers) ticks[`${namesOf[rung]}, 1 % new`] = await ticker.tick();
  await sleep(intervalMs);
  const ebpf = tickers.get('ebpf');
  if (ebpf !== undefined) ticks['eBPF, with sockets without an owner'] = meanOf(await measureCycle(ebpf));
  return { peers: times, ticks };
}

/** Milliseconds of CPU that the first ticks took which found new sockets; not counted. */
export type WarmUp = Readonly<Partial<Record<TickKind, readonly number[]>>>;

/** @param churn as busyRound */
async function warmUpChurn(load: SocketLoad, tickers: Tickers, churn: number): Promise<WarmUp> {
  const taken: Partial<Record<TickKind, number[]>> = {};
  await allTakeNotice(tickers);
  for (let i = 0; i < churnWarmUpTicks; i++) {
    await load.churn(churn, churningProcesses);
    for (const [rung, ticker] of tickers) {
      const { cpuMs } = await ticker.tick();
      const name = `${namesOf[rung]}, 1 % new` as const;
      taken[name] = [...(taken[name] ?? []), cpuMs];
    }
    await sleep(warmUpPauseMs);
  }
  return taken;
}

export interface ScanRounds {
  readonly size: LoadSize;
  readonly warmUp: WarmUp;
  readonly quiet: readonly Round[];
  readonly busy: readonly Round[];
  /** Ticks whose event loop was watched: first ones, and later ones. */
  readonly watched: { readonly first: readonly MeasuredTick[]; readonly later: readonly MeasuredTick[] };
}

/**
 * @param main the bench's own program, which is a ticker when it is called with tickerRole
 * @param rungs what is measured; the event loop is watched for the first of them
 */
export async function measureScans(
  size: LoadSize,
  rounds: number,
  main: string,
  rungs: readonly MeasuredRung[] = measuredRungs,
): Promise<ScanRounds> {
  const load = await SocketLoad.open(size);
  try {
    const tickers = new Map(rungs.map((rung) => [rung, new Ticker(load.inside, main, rung)]));
    const quiet = await repeat(rounds + warmUpRounds, () => quietRound(load, tickers));
    const best = tickers.get(rungs[0]!)!;
    const first = await repeat(rounds, () => best.first(true));
    const later = await repeat(3 * rounds, () => best.tick({ kind: 'later', isLoopWatched: true }));
    await load.queue();
    // Each connection that is replaced has two ends.
    const churn = Math.round(socketsOf(size) / 100 / 2);
    const warmUp = await warmUpChurn(load, tickers, churn);
    const busy = await repeat(rounds + warmUpRounds, () => busyRound(load, tickers, churn));
    for (const ticker of tickers.values()) ticker.end();
    return {
      size,
      warmUp,
      quiet: quiet.slice(warmUpRounds),
      busy: busy.slice(warmUpRounds),
      watched: { first, later },
    };
  } finally {
    await load.close();
  }
}

async function repeat<T>(times: number, measure: () => Promise<T>): Promise<T[]> {
  const measured: T[] = [];
  for (let i = 0; i < times; i++) measured.push(await measure());
  return measured;
}
