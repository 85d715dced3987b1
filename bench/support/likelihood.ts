/**
 * How likely a connection is told of, by how long it lives and by how its agent sees it: connections of known lifetimes on
 * hosts that differ in their agents' flags alone, and what the aggregator says of them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ConnectionDocument } from '../../model/document.ts';
import { Fleet } from '../../test/support/fleet/fleet.ts';
import { Asked } from './asked.ts';
import { table } from './events-page.ts';

const lifetimesMs = [1, 3, 10, 30, 100, 300, 1000, 3000] as const;

/** Flags of each agent, which looks once a second. */
const agents = {
  procfs: ['--source', 'procfs', '--events', 'off'],
  sockdiag: ['--source', 'sockdiag', '--events', 'off'],
  'ebpf scans': ['--source', 'ebpf', '--events', 'off'],
  'procfs, destroy': ['--source', 'procfs', '--events', 'destroy'],
  'ebpf, events': ['--source', 'ebpf', '--events', 'ebpf'],
} as const;

type Way = keyof typeof agents;

const ways = Object.keys(agents) as Way[];

const lifetimesProgram = fileURLToPath(new URL('../programs/lifetimes.mjs', import.meta.url));
const aggregatorIp = '10.1.0.1';
const firstPort = 20_000;

/** In which they begin. */
const windowMs = 10_000;

/** Until scans and messages have told all. */
const settleMs = 5_000;

/** Of the connections of one lifetime. */
export interface Likelihood {
  /** Told at all, be it as what the kernel of the side that closes remembers in TIME_WAIT for a minute. */
  readonly seen: number;
  /** Told with the process of that end. */
  readonly client: number;
  readonly server: number;
}

export interface SeenTable {
  readonly each: number;
  /** In the order of the ways, and in each in that of the lifetimes. */
  readonly columns: readonly (readonly Likelihood[])[];
}

/** @param each connections per lifetime and way */
export async function measureSeen(each: number): Promise<SeenTable> {
  const plan = ways.map((_, i) => [`h${i}`, [`10.1.1.${i + 1}/16`]] as const);
  const fleet = await Fleet.open({ ...Object.fromEntries(plan), aggregator: [`${aggregatorIp}/16`] });
  try {
    await fleet.whotalks.startAggregator(fleet.host('aggregator'), aggregatorIp);
    const loads = await Promise.all(ways.map((way, i) => startHost(fleet, `h${i}`, way, each)));
    await fleet.whotalks.untilLive(fleet.host('aggregator'), ...plan.map(([name]) => name));
    // In turns, so that the machine is never short of time for all of them.
    for (const load of loads) await load.ask('go');
    await sleep(settleMs);
    const { connections } = await fleet.whotalks.connections(fleet.host('aggregator'));
    return { each, columns: ways.map((_, i) => likelihoods(connections, `h${i}`, each)) };
  } finally {
    await fleet.close();
  }
}

async function startHost(fleet: Fleet, name: string, way: Way, each: number): Promise<Asked> {
  const host = fleet.host(name);
  await fleet.whotalks.startAgent(host, '--interval', '1s', '--cpu-max', '0', ...agents[way]);
  const port = String(firstPort);
  const serve = [lifetimesProgram, 'serve', port, String(lifetimesMs.length)];
  await new Asked(host.namespace, serve).line();
  const numbers = [each, windowMs, ...lifetimesMs].map(String);
  const dial = new Asked(host.namespace, [lifetimesProgram, 'dial', port, ...numbers]);
  await dial.line();
  return dial;
}

function likelihoods(connections: readonly ConnectionDocument[], host: string, each: number): Likelihood[] {
  return lifetimesMs.map((_, i) => {
    const told = connections.filter(({ client, server }) => {
      return server.port === firstPort + i && (client.host === host || server.host === host);
    });
    const known = (end: 'client' | 'server'): number =>
      told.filter((connection) => connection[end].pid !== null).length / each;
    return { seen: told.length / each, client: known('client'), server: known('server') };
  });
}

/** Percent told with the process of the client / with that of the server / at all, by lifetime and way. */
function seenRows({ columns }: SeenTable): string[][] {
  const percent = (part: number): string => (part * 100).toFixed(0);
  return lifetimesMs.map((lifetimeMs, i) => [
    `${lifetimeMs} ms`,
    ...columns.map((column) => {
      const { client, server, seen } = column[i]!;
      return [client, server, seen].map(percent).join(' / ');
    }),
  ]);
}

const seenHead = ['lifetime', ...ways];

function seenIntroduction({ each }: SeenTable): string[] {
  return [
    `Agents that look once a second, ${each} connections each, both ends here. Percent that are told with the process of the`,
    'client / with that of the server / at all.',
  ];
}

export function printSeen(seen: SeenTable): void {
  console.log(`\nP(seen | lifetime)\n${seenIntroduction(seen).join('\n')}\n`);
  for (const cells of [seenHead, ...seenRows(seen)]) {
    console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(10) : cell.padStart(17))).join(''));
  }
}

/** The same for a page. */
export function seenSection(seen: SeenTable): string[] {
  return ['## P(seen | lifetime)', '', ...seenIntroduction(seen), '', ...table(seenHead, seenRows(seen)), ''];
}
