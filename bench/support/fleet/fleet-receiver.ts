/** An aggregator as `whotalks aggregator` starts it, in a process of its own that measures itself. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { pino } from 'pino';
import { defaultAggregatorConfig } from '../../../aggregator/config.ts';
import { startAggregator } from '../../../aggregator/run.ts';

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
  /** By how much a timer came too late. */
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
}

const sampleMs = 2;

/** Tells its parent its FleetAddresses, and then answers every message of it with its FleetLoad. */
export async function runFleetReceiver(): Promise<void> {
  const config = { ...defaultAggregatorConfig, listen: '127.0.0.1:0', http: '127.0.0.1:0' };
  const { grpcAddress, httpAddress } = await startAggregator(config, { log: pino({ level: 'error' }) });
  const loop = monitorEventLoopDelay({ resolution: sampleMs });
  loop.enable();
  let before = { cpu: process.cpuUsage(), atMs: performance.now() };
  process.on('message', () => {
    const { user, system } = process.cpuUsage(before.cpu);
    const load: FleetLoad = {
      cpuPercent: (user + system) / 10 / (performance.now() - before.atMs),
      rssMiB: process.memoryUsage.rss() / 2 ** 20,
      loopP99Ms: loop.percentile(99) / 1e6 - sampleMs,
      loopMaxMs: loop.max / 1e6 - sampleMs,
    };
    loop.reset();
    before = { cpu: process.cpuUsage(), atMs: performance.now() };
    process.send!(load);
  });
  process.on('disconnect', () => process.exit());
  const addresses: FleetAddresses = { grpcAddress, httpAddress };
  process.send!(addresses);
}
