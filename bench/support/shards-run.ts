/**
 * The core as shards in threads of their own: how soon all halves of a stream are opened, matched and counted in edges, by
 * one shard and by two, each time in a process of its own; beside them the core in the one thread that tells.
 */
import { linkWorker } from '../../aggregator/shards/shard-link.ts';
import { ShardedCore } from '../../aggregator/shards/sharded-core.ts';
import { CoreFleet, seed } from './core-fleet.ts';
import { openThreadClock } from './cpu-time.ts';
import type { EngineFigure } from './engine-page.ts';
import { halfStream, hosts, type Stream, serverPortOf, serviceOf } from './half-stream.ts';
import { median } from './report.ts';
import { inProcess } from './roles.ts';

/** The word that makes the bench's program run as it. */
export const shardsRole = 'shards';

export interface ShardsRun {
  /** Nanoseconds per half of wall time, of CPU of all threads, and of the thread that tells. */
  readonly wallNs: number;
  readonly cpuNs: number;
  readonly tellingNs: number;
  readonly matched: number;
}

/** Times that all halves are opened and closed again; the last one is measured. */
const passes = 3;
const slotsMax = 1 << 20;

/** @param shards 0 = the core in this thread */
export async function runShards(halves: number, shards: number): Promise<ShardsRun> {
  const stream = halfStream(halves);
  return shards === 0 ? runInline(stream) : runThreads(stream, shards);
}

async function runInline(stream: Stream): Promise<ShardsRun> {
  const fleet = new CoreFleet(stream.halves.slot.length / 2);
  let run = await timed(stream, () => fleet.openAll(stream, null));
  for (let pass = 1; pass < passes; pass++) {
    fleet.closeAll(stream);
    fleet.sweepAll(1000 * pass);
    run = await timed(stream, () => fleet.openAll(stream, null));
  }
  return { ...run, matched: [...fleet.sums.all].reduce((sum, edge) => sum + edge.open, 0) };
}

async function runThreads(stream: Stream, shards: number): Promise<ShardsRun> {
  const connections = stream.halves.slot.length / 2;
  // Keys are not parted quite evenly.
  const rowsMax = Math.ceil((connections / shards) * 1.05) + 1024;
  const limits = { rowsMax, graceTicks: 300, lingerTicks: 1, slotsMax, holdersMax: hosts };
  const options = { ...limits, listeningMax: 1 << 14, edgesMax: 1 << 17, seed };
  const links = Array.from({ length: shards }, () =>
    linkWorker(options, (error) => {
      throw error;
    }),
  );
  const core = new ShardedCore(links, slotsMax, { batch: () => {}, left: () => {} });
  for (let host = 0; host < hosts; host++) {
    core.addHolder({ host, netns: host, name: serviceOf(host), ephemeralPorts: [32768, 60999] });
    core.listen(host, serverPortOf(host) << 1, 0);
  }
  await core.settled();
  let run = await timed(stream, () => openAll(core, stream));
  for (let pass = 1; pass < passes; pass++) {
    await closeAll(core, stream);
    core.sweep(1000 * pass, 1 << 30);
    await core.settled();
    run = await timed(stream, () => openAll(core, stream));
  }
  const reports = await core.report();
  const matched = reports.flatMap(({ edges }) => edges).reduce((sum, edge) => sum + edge.open, 0);
  await core.end();
  return { ...run, matched };
}

async function openAll(core: ShardedCore, { halves, blocks }: Stream): Promise<void> {
  for (const { agent, from, count } of blocks) {
    if (core.isFull) await core.answered();
    core.open(agent, halves, from, count, 0);
  }
  await core.settled();
}

async function closeAll(core: ShardedCore, { halves, blocks }: Stream): Promise<void> {
  for (const { agent, from, count } of blocks) {
    if (core.isFull) await core.answered();
    core.close(agent, halves.slot, halves.opened, from, count);
  }
  await core.settled();
}

async function timed(
  { halves }: Stream,
  work: () => void | Promise<void>,
): Promise<Omit<ShardsRun, 'matched'>> {
  const clock = openThreadClock();
  const [begunMs, tellingBegunMs, before] = [performance.now(), clock(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(before);
  const perHalf = (ms: number): number => (ms * 1e6) / halves.slot.length;
  return {
    tellingNs: perHalf(clock() - tellingBegunMs),
    wallNs: perHalf(performance.now() - begunMs),
    cpuNs: perHalf((user + system) / 1000),
  };
}

/** Of wall time, so on a machine with fewer than two processors to itself nothing is told by it. */
export function measureShards(halves: number, rounds: number): EngineFigure[] {
  const told = Math.min(halves, 4_000_000);
  const runs = Array.from({ length: rounds }, (_, round) => {
    console.log(`shards: round ${round + 1} of ${rounds}, ${told.toLocaleString('en')} halves`);
    return [0, 1, 2].map((shards) => inProcess<ShardsRun>(shardsRole, String(told), String(shards)));
  });
  for (const { matched } of runs.flat())
    if (matched !== told / 2) throw new Error(`${matched} of ${told / 2} connections were matched`);
  const of = (shards: number, key: keyof ShardsRun): string =>
    median(runs.map((round) => round[shards]![key])).toFixed(0);
  const cpu = `of CPU ${of(0, 'cpuNs')}, ${of(1, 'cpuNs')} and ${of(2, 'cpuNs')} ns`;
  return [
    {
      what: 'two shards, in times of one',
      goal: '>= 1.6',
      ratios: runs.map(([, one, two]) => one!.wallNs / two!.wallNs),
      values: `${of(1, 'wallNs')} ns / ${of(2, 'wallNs')} ns a half; telling takes ${of(2, 'tellingNs')} ns`,
    },
    {
      what: 'two shards, in times of the core in the one thread',
      goal: '',
      ratios: runs.map(([inline, , two]) => inline!.wallNs / two!.wallNs),
      values: `${of(0, 'wallNs')} ns / ${of(2, 'wallNs')} ns a half; ${cpu}`,
    },
  ];
}
