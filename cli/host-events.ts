/** The source of events of this host, for the verbs that have one. */
import type { AgentConfig } from '../agent/config.ts';
import { EventSourceError, type OpenedEvents, openEvents } from '../agent/events/open-events.ts';
import { CliFailure, exitCodes } from './exit.ts';

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
