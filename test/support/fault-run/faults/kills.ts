/** kill -9 at any moment, and a new start at once. */
import { atOnce, type Fault } from '../fault.ts';
import type { LastingDaemon } from '../lasting-daemon.ts';

/** Also before a daemon is ready, which takes it about a second. */
const restBelowMs = 3_000;

export const killAggregator: Fault = {
  ...atOnce,
  name: 'kill-aggregator',
  what: 'kill -9 of the aggregator, started again at once',
  times: 500,
  restsMs: (random) => random.between(0, restBelowMs),
  start: async (rig) => {
    await rig.aggregator.kill();
    return 1;
  },
  stop: (rig) => rig.aggregator.start(),
};

export function killAgents(): Fault {
  let killed: readonly LastingDaemon[] = [];
  return {
    ...atOnce,
    name: 'kill-agents',
    what: 'kill -9 of one or more agents at a time, started again at once',
    times: 500,
    restsMs: (random) => random.between(0, restBelowMs),
    start: async (rig, random) => {
      killed = random.some([...rig.agents.values()]);
      await Promise.all(killed.map((agent) => agent.kill()));
      return killed.length;
    },
    stop: async () => {
      await Promise.all(killed.map((agent) => agent.start()));
    },
  };
}
