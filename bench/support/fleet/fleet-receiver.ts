/** An aggregator as `whotalks aggregator` starts it, in a process of its own that measures itself. */
import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { pino } from 'pino';
import { defaultAggregatorConfig } from '../../../aggregator/config.ts';
import { startAggregator } from '../../../aggregator/run.ts';
import { agentLifeMs } from '../../../aggregator/security/lives.ts';

/** The word that makes the bench's program run as one. */
export const fleetReceiverRole = 'fleet-receiver';

/** Where agents and questions go. */
export interface FleetAddresses {
  readonly grpcAddress: string;
  readonly httpAddress: string;
}

/** Since the last question. */
export interface FleetLoad {
  /** User and system, of the whole process, in percent of a core. */
  readonly cpuPercent: number;
  readonly rssMiB: number;
  /** Of RSS, what V8 has for its heap. */
  readonly heapMiB: number;
  /** The event loop waited for the collector of garbage: of the time, and the longest. */
  readonly collectingPercent: number;
  readonly longestCollectionMs: number;
  /** By how much a timer came too late. */
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
}

const sampleMs = 2;

/**
 * Tells its parent its FleetAddresses, and then answers every message of it with its FleetLoad.
 * @param caFolder of a CA: then it speaks TLS, and takes agents with certificates of it alone
 */
export async function runFleetReceiver(caFolder?: string): Promise<void> {
  const security =
    caFolder === undefined
      ? null
      : { folder: caFolder, certFile: null, keyFile: null, caFile: null, agentLifeMs };
  const config = { ...defaultAggregatorConfig, listen: '127.0.0.1:0', http: '127.0.0.1:0', security };
  const { grpcAddress, httpAddress } = await startAggregator(config, { log: pino({ level: 'error' }) });
  const loop = monitorEventLoopDelay({ resolution: sampleMs });
  loop.enable();
  const pauses: number[] = [];
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) pauses.push(duration);
  }).observe({ entryTypes: ['gc'] });
  let before = { cpu: process.cpuUsage(), atMs: performance.now() };
  process.on('message', () => {
    const { user, system } = process.cpuUsage(before.cpu);
    const tookMs = performance.now() - before.atMs;
    const { rss, heapTotal } = process.memoryUsage();
    const load: FleetLoad = {
      cpuPercent: (user + system) / 10 / tookMs,
      rssMiB: rss / 2 ** 20,
      heapMiB: heapTotal / 2 ** 20,
      collectingPercent: (100 * pauses.reduce((sum, ms) => sum + ms, 0)) / tookMs,
      longestCollectionMs: Math.max(0, ...pauses),
      loopP99Ms: loop.percentile(99) / 1e6 - sampleMs,
      loopMaxMs: loop.max / 1e6 - sampleMs,
    };
    loop.reset();
    pauses.length = 0;
    before = { cpu: process.cpuUsage(), atMs: performance.now() };
    process.send!(load);
  });
  process.on('disconnect', () => process.exit());
  const addresses: FleetAddresses = { grpcAddress, httpAddress };
  process.send!(addresses);
}
