/** Ratios of the rounds of scan-rounds.ts: within each round, then the median. */
import { median } from './report.ts';
import type { Peer, Round, ScanRounds, TickKind } from './scan-rounds.ts';
import { socketsLabel, socketsOf } from './socket-load.ts';

/** How many times less CPU a tick takes than a peer. */
export interface Figure {
  readonly tick: TickKind;
  readonly peer: Peer;
  readonly ratio: number;
  /** null where none was set. */
  readonly goal: number | null;
  readonly peerMs: number;
  readonly tickMs: number;
}

/** By the number of sockets, in thousands. */
type Goals = Readonly<Record<20 | 100, number | null>>;

const none: Goals = { 20: null, 100: null };

/** What is compared, with the goals. */
const comparisons: readonly (readonly [TickKind, Peer, Goals])[] = [
  ['eBPF', 'ss -tnp', { 20: 40, 100: 150 }],
  ['eBPF, with sockets without an owner', 'ss -tnp', { 20: 25, 100: 100 }],
  ['eBPF, a quiet tick', 'ss -tnp', { 20: 200, 100: 200 }],
  ['eBPF, the dearest of ten', 'ss -tnp', none],
  ['eBPF, 1 % new', 'ss -tnp', none],
  ['eBPF, at once', 'ss -tnp', none],
  ['eBPF, cold', 'ss -tnp', none],
  ['eBPF, first', 'ss -tnp', none],
  ['eBPF', 'netstat -tnp', { 20: 45, 100: 150 }],
  ['eBPF', 'lsof -nP -iTCP', { 20: 70, 100: 80 }],
  ['eBPF', 'ss -tn', { 20: 5, 100: 7 }],
  ['sock_diag', 'ss -tnp', { 20: 12, 100: 50 }],
  ['sock_diag, at once', 'ss -tnp', none],
  ['sock_diag, 1 % new', 'ss -tnp', { 20: 6, 100: null }],
  ['sock_diag, cold', 'ss -tnp', { 20: 1.5, 100: null }],
  ['sock_diag, first', 'ss -tnp', none],
];

/** What was measured of them. */
export function figuresOf({ size, quiet, busy }: ScanRounds): Figure[] {
  const thousands = socketsOf(size) < 50_000 ? 20 : 100;
  return comparisons.flatMap(([tick, peer, goals]) => {
    const rounds = [...quiet, ...busy].filter((round) => hasBoth(round, tick, peer));
    if (rounds.length === 0) return [];
    const peerMs = rounds.map(({ peers }) => peers[peer]!);
    const tickMs = rounds.map(({ ticks }) => ticks[tick]!.cpuMs);
    return {
      tick,
      peer,
      ratio: median(peerMs.map((ms, i) => ms / tickMs[i]!)),
      goal: goals[thousands],
      peerMs: median(peerMs),
      tickMs: median(tickMs),
    };
  });
}

function hasBoth({ peers, ticks }: Round, tick: TickKind, peer: Peer): boolean {
  return peers[peer] !== undefined && ticks[tick] !== undefined;
}

export function printScans(measured: ScanRounds): void {
  console.log(`\n${socketsLabel(measured.size)}; ${measured.quiet.length} rounds, medians`);
  for (const { tick, peer, ratio, goal, peerMs, tickMs } of figuresOf(measured)) {
    console.log(
      `${peer.padEnd(15)} ${peerMs.toFixed(0).padStart(5)} ms / ${tick.padEnd(35)} ${tickMs.toFixed(1).padStart(6)} ms` +
        ` = ${ratio.toFixed(1).padStart(5)}${goal === null ? '' : ` (goal ${goal})`}`,
    );
  }
  for (const line of warmUpLines(measured)) console.log(line);
  const last = Object.values(measured.busy.at(-1)!.ticks).at(-1)!;
  console.log(
    `last scan: ${last.sockets} sockets, ${last.ownedSockets} with an owner, RSS ${last.rssMiB.toFixed(0)} MiB`,
  );
  const { first, later } = longestBlocks(measured);
  console.log(
    `event loop blocked at most: ${first.toFixed(1)} ms by a first tick, ${later.toFixed(1)} ms by a later one`,
  );
}

/** What the ticks took that are not counted; of each kind a text. */
export function warmUpLines({ warmUp }: ScanRounds): string[] {
  return Object.entries(warmUp).map(([tick, each]) => {
    return `${tick}, the first ${each.length}: ${each.map((ms) => ms.toFixed(0)).join(', ')} ms`;
  });
}

/** Milliseconds. */
export function longestBlocks({ watched }: ScanRounds): { first: number; later: number } {
  const longest = (ticks: ScanRounds['watched']['first']): number =>
    Math.max(...ticks.map(({ blockedMs }) => blockedMs!));
  return { first: longest(watched.first), later: longest(watched.later) };
}
