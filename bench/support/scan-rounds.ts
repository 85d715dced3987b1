/**
 * Ticks of an agent beside the peers on the same sockets, in rounds: every peer once, then every kind of tick once, so
 * that what else the machine does weighs on all of them.
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
  'eBPF, at once',
  'eBPF, with sockets without an owner',
  'eBPF, 1 % new',
  'eBPF, first',
  'sock_diag',
  'sock_diag, at once',
  'sock_diag, 1 % new',
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

const plain: TickQuestion = { isCold: false, isLoopWatched: false };

/** One agent per rung. */
class Tickers {
  readonly #ebpf: Asked;
  readonly #sockdiag: Asked;

  /** @param main the bench's own program */
  constructor(inside: Namespace, main: string) {
    this.#ebpf = new Asked(inside, [main, tickerRole, 'ebpf']);
    this.#sockdiag = new Asked(inside, [main, tickerRole, 'sockdiag']);
  }

  async ebpf(question: TickQuestion = plain): Promise<MeasuredTick> {
    return JSON.parse(await this.#ebpf.ask(JSON.stringify(question))) as MeasuredTick;
  }

  async sockdiag(question: TickQuestion = plain): Promise<MeasuredTick> {
    return JSON.parse(await this.#sockdiag.ask(JSON.stringify(question))) as MeasuredTick;
  }

  async bothTakeNotice(): Promise<void> {
    await this.ebpf();
    await this.sockdiag();
    await sleep(intervalMs);
  }

  end(): void {
    this.#ebpf.end();
    this.#sockdiag.end();
  }
}

async function timePeers(inside: Namespace, names: readonly Peer[]): Promise<Partial<Record<Peer, number>>> {
  const times: Partial<Record<Peer, number>> = {};
  for (const name of names) times[name] = (await timeCommand(inside, peers[name])).cpuMs;
  return times;
}

/** Every socket has an owner, and nothing changes. */
async function quietRound({ inside }: SocketLoad, tickers: Tickers): Promise<Round> {
  const times = await timePeers(inside, peerNames);
  await tickers.bothTakeNotice();
  const ebpf = await tickers.ebpf();
  const ebpfAtOnce = await tickers.ebpf();
  await sleep(intervalMs);
  const sockdiag = await tickers.sockdiag();
  const sockdiagAtOnce = await tickers.sockdiag();
  return {
    peers: times,
    ticks: {
      eBPF: ebpf,
      'eBPF, at once': ebpfAtOnce,
      'eBPF, first': await tickers.ebpf({ ...plain, isCold: true }),
      sock_diag: sockdiag,
      'sock_diag, at once': sockdiagAtOnce,
      'sock_diag, first': await tickers.sockdiag({ ...plain, isCold: true }),
    },
  };
}

/** Something is in TIME_WAIT, and something in an accept queue. */
async function busyRound(load: SocketLoad, tickers: Tickers, churn: number): Promise<Round> {
  const times = await timePeers(load.inside, ['ss -tnp']);
  await tickers.bothTakeNotice();
  await load.churn(churn, churningProcesses);
  await sleep(intervalMs);
  const ebpfChurned = await tickers.ebpf();
  const sockdiagChurned = await tickers.sockdiag();
  await sleep(intervalMs);
  return {
    peers: times,
    ticks: {
      'eBPF, with sockets without an owner': await tickers.ebpf(),
      'eBPF, 1 % new': ebpfChurned,
      'sock_diag, 1 % new': sockdiagChurned,
    },
  };
}

export interface ScanRounds {
  readonly size: LoadSize;
  readonly quiet: readonly Round[];
  readonly busy: readonly Round[];
  /** Ticks whose event loop was watched: first ones, and later ones. */
  readonly watched: { readonly first: readonly MeasuredTick[]; readonly later: readonly MeasuredTick[] };
}

/** @param main the bench's own program, which is a ticker when it is called with tickerRole */
export async function measureScans(size: LoadSize, rounds: number, main: string): Promise<ScanRounds> {
  const load = await SocketLoad.open(size);
  try {
    const tickers = new Tickers(load.inside, main);
    const quiet = await repeat(rounds + warmUpRounds, () => quietRound(load, tickers));
    const first = await repeat(rounds, () => tickers.ebpf({ isCold: true, isLoopWatched: true }));
    const later = await repeat(3 * rounds, () => tickers.ebpf({ isCold: false, isLoopWatched: true }));
    await load.queue();
    // Each connection that is replaced has two ends.
    const churn = Math.round(socketsOf(size) / 100 / 2);
    const busy = await repeat(rounds + warmUpRounds, () => busyRound(load, tickers, churn));
    tickers.end();
    return {
      size,
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
