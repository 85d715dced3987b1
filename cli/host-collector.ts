/** The collector of this host, for the verbs that have one. */
import { openCollector, SourceError } from '../agent/collect/ladder.ts';
import { rungs as everyRung, type Rung } from '../agent/collect/rungs.ts';
import type { CollectorSource } from '../agent/collect/source.ts';
import type { Collector } from '../agent/collector.ts';
import type { AgentConfig } from '../agent/config.ts';
import { CliFailure, exitCodes } from './exit.ts';

/** Throws a CliFailure when the way that was asked for, or every one, does not work. */
export async function openHostCollector(
  source: CollectorSource,
  { procRoot, cmdline, kubelet }: Pick<AgentConfig, 'procRoot' | 'cmdline' | 'kubelet'>,
  rungs: readonly Rung[] = everyRung,
): Promise<Collector> {
  try {
    return await openCollector(source, { procRoot, cmdline, kubelet }, rungs);
  } catch (error) {
    if (error instanceof SourceError) throw new CliFailure(exitCodes.error, error.message);
    throw error;
  }
}
