/** What changes in a real network namespace is with the aggregator after two scans. */
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openCollector } from '../../agent/collect/ladder.ts';
import type { Collector } from '../../agent/collector.ts';
import { defaultAgentConfig } from '../../agent/config.ts';
import { Finders } from '../../agent/finders.ts';
import { pauseAfterReading } from '../../agent/netlink/interface-watch.ts';
import { readNetnsInode } from '../../agent/procfs/pid-netns.ts';
import { runAgent } from '../../agent/run.ts';
import { formatPrefix } from '../../model/ip.ts';
import type { Netns } from '../../model/netns.ts';
import { type IngestServer, startIngest } from '../aggregator/ingest/grpc-link.ts';
import { canMakeNamespaces, Namespace } from '../support/fleet/namespace.ts';
import { until } from '../support/until.ts';

describe.runIf(canMakeNamespaces)('a change in a namespace', () => {
  const cleanups: (() => unknown)[] = [];
  let server: IngestServer;
  let place: Namespace;
  let container: Namespace;
  /** Those that are over, in order. */
  const scans: { beganMs: number; endedMs: number; netns: Netns | undefined }[] = [];

  beforeEach(async () => {
    place = await Namespace.open('container', 'place');
    container = await Namespace.open('container', 'container');
    cleanups.push(() => Promise.all([place.close(), container.close()]));
    server = await startIngest();
    cleanups.push(() => server.close());
    const collector = counting(await openCollector('auto'));
    const end = new AbortController();
    const config = {
      ...defaultAgentConfig,
      server: server.address,
      hostId: 'h1',
      intervalMs: 250,
      cpuMaxPercent: 0,
    };
    const log = pino({ level: 'silent' });
    const run = runAgent(config, { collector, log, signal: end.signal, finders: Finders.none() });
    cleanups.push(async () => {
      end.abort();
      await run;
    });
    await until('the namespace is there', () => told() !== undefined);
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
  });

  function counting(collector: Collector): Collector {
    const scan = async (): ReturnType<Collector['scan']> => {
      const beganMs = performance.now();
      const found = await collector.scan();
      const inode = readNetnsInode(`/proc/${place.pid}`);
      const netns = found.netns.find((one) => one.inode === inode);
      scans.push({ beganMs, endedMs: performance.now(), netns });
      return found;
    };
    return { name: collector.name, scan, close: () => collector.close() };
  }

  /** What the aggregator knows of the namespace. */
  function told(): Netns | undefined {
    const [host] = [...server.ingest.hosts()];
    return host?.netns.get(readNetnsInode(`/proc/${place.pid}`) as number);
  }

  /**
   * Makes the change and waits until the aggregator knows.
   *
   * @returns in which scan that could show it it was shown: 1 = the first. A reading takes no longer than the scan that it is
   *   part of, and the next one waits for some time after it.
   */
  async function scansUntil(lines: readonly string[], isTold: (netns: Netns) => boolean): Promise<number> {
    await place.ip(lines);
    const changedMs = performance.now();
    await until(lines.join(', '), () => isTold(told()!) || JSON.stringify(told()));
    const shown = scans.findIndex(({ endedMs, netns }) => endedMs > changedMs && netns && isTold(netns));
    const rests = scans
      .filter(({ beganMs }) => beganMs < changedMs)
      .map(({ beganMs, endedMs }) => endedMs + pauseAfterReading * (endedMs - beganMs));
    const restedMs = Math.max(changedMs, ...rests);
    return scans.slice(0, shown + 1).filter(({ beganMs }) => beganMs >= restedMs).length;
  }

  const hasAddress =
    (ip: string) =>
    ({ addresses }: Netns): boolean =>
      addresses.some((address) => address.ip === ip);
  const hasNetworks =
    (...networks: string[]) =>
    ({ localNetworks }: Netns): boolean =>
      localNetworks.map(formatPrefix).join() === networks.join();

  test('is told after two scans', async () => {
    const bridge = ['link add br0 type bridge', 'link set br0 up', 'addr add 172.31.0.1/24 dev br0'];
    const taken = [await scansUntil(bridge, hasAddress('172.31.0.1'))];
    expect(told()!.localNetworks.map(formatPrefix)).toEqual(['172.31.0.0/24']);
    const port = [
      `link add veth1 type veth peer name eth0 netns ${container.pid}`,
      'link set veth1 master br0 up',
      'addr add 172.31.0.9/24 dev br0',
    ];
    taken.push(await scansUntil(port, hasAddress('172.31.0.9')));
    expect(told()!.localNetworks.map(formatPrefix)).toEqual(['172.31.0.0/24']);
    const uplink = ['link add here type veth peer name there', 'link set here master br0'];
    taken.push(await scansUntil(uplink, hasNetworks()));
    taken.push(await scansUntil(['link set here nomaster'], hasNetworks('172.31.0.0/24')));
    const gone = (netns: Netns): boolean => !hasAddress('172.31.0.9')(netns);
    taken.push(await scansUntil(['addr del 172.31.0.9/24 dev br0'], gone));
    expect(Math.max(...taken)).toBeLessThanOrEqual(2);
  });
});
