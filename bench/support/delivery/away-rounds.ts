/** A real agent under load whose aggregator is gone, or reads at 1 kB/s: by how much it grows. */
import { setTimeout as sleep } from 'node:timers/promises';
import { FaultRig } from '../../../test/support/fault-run/rig.ts';
import { until } from '../../../test/support/until.ts';
import type { EngineFigure } from '../engine-page.ts';

/** Connections per second between two processes of the agent's host: each is two sockets that it has to keep. */
const load = { perSecond: 200, livesMs: [20, 100, 500, 2_000] } as const;

/** With the aggregator there: V8 has compiled what it will, and its heap has its size. */
const warmUpMs = 60_000;
const awayMs = 90_000;
const lookEveryMs = 500;

const ways = {
  absent: {
    what: 'an agent without its aggregator grows by, MiB',
    begin: (rig: FaultRig) => rig.aggregator.kill(),
    end: (rig: FaultRig) => rig.aggregator.start(),
  },
  slow: {
    what: 'an agent whose aggregator reads 1 kB/s grows by, MiB',
    begin: (rig: FaultRig) => rig.proxy!.does({ mode: 'slow', bytesPerSecond: 1_000 }),
    end: (rig: FaultRig) => rig.proxy!.does({ mode: 'pass' }),
  },
} as const;

export async function measureAway(): Promise<EngineFigure[]> {
  const figures: EngineFigure[] = [];
  for (const way of Object.keys(ways) as (keyof typeof ways)[]) figures.push(await measureWay(way));
  return figures;
}

async function measureWay(name: keyof typeof ways): Promise<EngineFigure> {
  const { what, begin, end } = ways[name];
  const rig = await FaultRig.open({ hosts: 1, seed: 1, load, needs: { proxy: true } });
  try {
    rig.begin();
    await sleep(warmUpMs);
    const [agent] = rig.agents.values();
    const beforeMiB = agent!.rssMiB;
    const before = rig.ledger.size;
    await begin(rig);
    let peakMiB = 0;
    const untilMs = performance.now() + awayMs;
    while (performance.now() < untilMs) {
      peakMiB = Math.max(peakMiB, agent!.rssMiB);
      await sleep(lookEveryMs);
    }
    await end(rig);
    const connections = rig.ledger.size - before;
    rig.rest();
    await untilTold(rig);
    const values = `${beforeMiB.toFixed(0)} MiB before, at most ${peakMiB.toFixed(0)} MiB in ${awayMs / 1000} s and ${connections} connections`;
    console.log(`away: ${what}: ${values}`);
    return { what, goal: '<= 16', ratios: [peakMiB - beforeMiB], values };
  } finally {
    await rig.close();
  }
}

/** What the agent kept meanwhile arrives in the end. */
async function untilTold(rig: FaultRig): Promise<void> {
  await until(
    'all connections are in the answers',
    async () => {
      await sleep(lookEveryMs);
      const answer = await rig.connections();
      if (answer === null) return 'no answer';
      const told = answer.filter((document) => !rig.isOwn(document)).length;
      return told >= rig.ledger.size || `${told} of ${rig.ledger.size}`;
    },
    120_000,
  );
}
