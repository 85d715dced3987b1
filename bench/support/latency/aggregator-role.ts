/** A whole aggregator in a process of its own that notes how long each match took since its second end was sent. */
import { pino } from 'pino';
import { defaultAggregatorConfig } from '../../../aggregator/config.ts';
import { startAggregator } from '../../../aggregator/run.ts';
import type { ConnectionView } from '../../../aggregator/serve/fleet-view.ts';
import { sinceStampUs } from './stamp.ts';

/** The word that makes the bench's program run as one. */
export const latencyAggregatorRole = 'latency-aggregator';

/** Where it is. */
export interface Bound {
  readonly grpc: string;
  readonly http: string;
}

/** Since the last question. */
export interface Matched {
  readonly matches: number;
  /** Ends that were placed alone, since the other did not come in time. */
  readonly lone: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** User and system, of the whole process. */
  readonly cpuMs: number;
}

/** Tells its parent where it is Bound, and then answers every message of it with what was Matched. */
export async function runLatencyAggregator(): Promise<void> {
  const config = { ...defaultAggregatorConfig, listen: '127.0.0.1:0', http: '127.0.0.1:0' };
  const aggregator = await startAggregator(config, { log: pino({ level: 'silent' }) });
  let tookUs: number[] = [];
  let lone = 0;
  aggregator.view.subscribe((event) => {
    if (event.kind !== 'opened') return;
    const took = sinceSecondEnd(event.connection);
    if (took === null) lone++;
    else tookUs.push(took);
  });
  let before = process.cpuUsage();
  process.on('message', () => {
    const { user, system } = process.cpuUsage(before);
    const sorted = Float64Array.from(tookUs).sort();
    const at = (share: number): number => (sorted[Math.floor(sorted.length * share)] ?? 0) / 1000;
    const matched: Matched = {
      matches: sorted.length,
      lone,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      cpuMs: (user + system) / 1000,
    };
    tookUs = [];
    lone = 0;
    before = process.cpuUsage();
    process.send!(matched);
  });
  process.on('disconnect', () => process.exit());
  const bound: Bound = { grpc: aggregator.grpcAddress, http: aggregator.httpAddress };
  process.send!(bound);
}

/** Microseconds; null where an end is unseen. */
function sinceSecondEnd({ client, server }: ConnectionView): number | null {
  if (client.socket === null || server.socket === null) return null;
  return Math.min(sinceStampUs(client.socket.inode), sinceStampUs(server.socket.inode));
}
