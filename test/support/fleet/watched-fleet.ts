/** A fleet that whotalks watches: an aggregator on a host of its own, and an agent on each host that gets one. */
import { Fleet, type FleetPlan } from './fleet.ts';
import type { Daemon } from './whotalks.ts';

/** Where the aggregator of a watched fleet listens. */
export const aggregatorIp = '10.1.0.1';

export interface WatchedFleet {
  readonly fleet: Fleet;
  readonly aggregator: Daemon;
  /** By name of the host. */
  readonly agents: ReadonlyMap<string, Daemon>;
}

/**
 * Opens the hosts of `plan` and `aggregator`, starts whotalks on them and waits until all agents are live.
 * @param without hosts that get no agent
 */
export async function openWatchedFleet(
  plan: FleetPlan,
  without: readonly string[] = [],
): Promise<WatchedFleet> {
  const fleet = await Fleet.open({ ...plan, aggregator: [`${aggregatorIp}/16`] });
  fleet.whotalks.serveFrom(aggregatorIp);
  for (const name of ['aggregator', ...without]) fleet.ledger.unwatched.add(name);
  const watched = Object.keys(plan).filter((name) => !without.includes(name));
  try {
    const aggregator = await fleet.whotalks.startAggregator(fleet.host('aggregator'), aggregatorIp);
    const started = watched.map(
      async (name) => [name, await fleet.whotalks.startAgent(fleet.host(name))] as const,
    );
    const agents = new Map(await Promise.all(started));
    await fleet.whotalks.untilLive(fleet.host('aggregator'), ...watched);
    return { fleet, aggregator, agents };
  } catch (error) {
    await fleet.close();
    throw error;
  }
}
