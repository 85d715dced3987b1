/** SIGSTOP and SIGCONT: a daemon that does not run, while its connections stay open. */
import type { Fault } from '../fault.ts';
import type { LastingDaemon } from '../lasting-daemon.ts';
import type { SeededRandom } from '../seeded-random.ts';

/** Some pauses are longer than the lease of 40 s, after which a silent agent is stale; most are short. */
function pauseMs(random: SeededRandom): number {
  return random.draw() < 0.3 ? random.between(42_000, 50_000) : random.between(500, 8_000);
}

const restsMs = (random: SeededRandom): number => random.between(500, 3_000);

export const pauseAggregator: Fault = {
  name: 'pause-aggregator',
  what: 'SIGSTOP of the aggregator, for 50 s at most, and SIGCONT',
  needs: {},
  times: 10,
  lastsMs: pauseMs,
  restsMs,
  start: async (rig) => {
    await rig.aggregator.pause();
    return 1;
  },
  stop: (rig) => rig.aggregator.resume(),
};

export function pauseAgents(): Fault {
  let paused: readonly LastingDaemon[] = [];
  return {
    name: 'pause-agents',
    what: 'SIGSTOP of one or more agents, for 50 s at most, and SIGCONT',
    needs: {},
    times: 20,
    lastsMs: pauseMs,
    restsMs,
    start: async (rig, random) => {
      paused = random.some([...rig.agents.values()]);
      await Promise.all(paused.map((agent) => agent.pause()));
      return paused.length;
    },
    stop: async () => {
      await Promise.all(paused.map((agent) => agent.resume()));
    },
  };
}
