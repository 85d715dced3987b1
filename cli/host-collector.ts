/** The collector of this host, for the verbs that have one. */
import { openCollector, SourceError } from '../agent/collect/ladder.ts';
import { rungs as everyRung, type Rung } from '../agent/collect/rungs.ts';
import type { CollectorSource } from '../agent/collect/source.ts';
import type { Collector } from '../agent/collector.ts';
import type { AgentConfig } from '../agent/config.ts';
import type { EventChoice } from '../agent/events/event-source.ts';
import { CliFailure, exitCodes } from './exit.ts';

export interface HostOptions extends Pick<AgentConfig, 'procRoot' | 'cmdline' | 'kubelet'> {
  /** Where programs may hear of events, they may hear of changes too. Default off: a single scan has no use for them. */
  readonly events?: EventChoice;
}

/** Throws a CliFailure when the way that was asked for, or every one, does not work. */
export async function openHostCollector(
  source: CollectorSource,
  { procRoot, cmdline, kubelet, events }: HostOptions,
  rungs: readonly Rung[] = everyRung,
): Promise<Collector> {
  try {
    const hearsChanges = events === 'auto' || events === 'ebpf';
    return await openCollector(source, { procRoot, cmdline, kubelet, hearsChanges }, rungs);
  } catch (error) {
    if (error instanceof SourceError) throw new CliFailure(exitCodes.error, error.message);
    throw error;
  }
}
