/** The collector of this host and its source of events, for the verbs that have them. */
import { openCollector, SourceError } from '../agent/collect/ladder.ts';
import type { CollectorSource } from '../agent/collect/source.ts';
import type { Collector } from '../agent/collector.ts';
import type { AgentConfig } from '../agent/config.ts';
import { EventSourceError, type OpenedEvents, openEvents } from '../agent/events/open-events.ts';
import { CliFailure, exitCodes } from './exit.ts';

/** Throws a CliFailure when the way that was asked for, or every one, does not work. */
export async function openHostCollector(
  source: CollectorSource,
  { procRoot, cmdline, kubelet }: Pick<AgentConfig, 'procRoot' | 'cmdline' | 'kubelet'>,
): Promise<Collector> {
  try {
    return await openCollector(source, { procRoot, cmdline, kubelet });
  } catch (error) {
    if (error instanceof SourceError) throw new CliFailure(exitCodes.error, error.message);
    throw error;
  }
}

/** Throws a CliFailure when the way that was asked for does not work. */
export async function openHostEvents({
  events,
  procRoot,
}: Pick<AgentConfig, 'events' | 'procRoot'>): Promise<OpenedEvents> {
  try {
    return await openEvents(events, procRoot);
  } catch (error) {
    if (error instanceof EventSourceError) throw new CliFailure(exitCodes.error, error.message);
    throw error;
  }
}
