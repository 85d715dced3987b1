/** Disks that are full, or do not hold what was written: the aggregator's data, and the spools of agents. */
import type { Fault } from '../fault.ts';

/** Bits that are turned over each time; most of what is stored is live. */
const flippedBits = 3;

export const fullData: Fault = {
  name: 'full-data',
  what: 'no block is free where the aggregator keeps its data, for 15 s at most',
  needs: { smallData: true },
  times: 20,
  lastsMs: (random) => random.between(1_000, 15_000),
  restsMs: (random) => random.between(500, 5_000),
  start: async (rig) => {
    rig.dataFolder.fill();
    return 1;
  },
  stop: async (rig) => rig.dataFolder.free(),
};

export const fullDataAndKill: Fault = {
  ...fullData,
  name: 'full-data-kill',
  what: 'the same, and the aggregator is killed and started again meanwhile',
  start: async (rig) => {
    rig.dataFolder.fill();
    await rig.aggregator.kill();
    await rig.aggregator.start();
    return 1;
  },
};

export const flippedData: Fault = {
  name: 'flipped-data',
  what: `kill -9 of the aggregator; ${flippedBits} bits of its data are turned over before it is started again`,
  needs: {},
  times: 50,
  lastsMs: () => 0,
  restsMs: (random) => random.between(0, 4_000),
  start: async (rig, random) => {
    await rig.aggregator.kill();
    rig.dataFolder.flipBits(flippedBits, random);
    return 1;
  },
  stop: (rig) => rig.aggregator.start(),
};

export const fullSpool: Fault = {
  name: 'full-spool',
  what: 'no block is free where agents keep their spools, and no byte reaches the aggregator, for 40 s at most',
  needs: { proxy: true, smallSpool: true },
  times: 10,
  lastsMs: (random) => random.between(5_000, 40_000),
  restsMs: (random) => random.between(500, 5_000),
  start: async (rig) => {
    for (const folder of rig.spoolFolders.values()) folder.fill();
    await rig.proxy!.does({ mode: 'stall' });
    return 1;
  },
  stop: async (rig) => {
    for (const folder of rig.spoolFolders.values()) folder.free();
    await rig.proxy!.does({ mode: 'pass' });
  },
};

export const flippedSpool: Fault = {
  name: 'flipped-spool',
  what: `no byte reaches the aggregator for 40 s at most; agents are killed, and ${flippedBits} bits of the spool of each are turned over before it is started again`,
  needs: { proxy: true },
  times: 10,
  lastsMs: (random) => random.between(10_000, 40_000),
  restsMs: (random) => random.between(500, 5_000),
  start: async (rig) => {
    await rig.proxy!.does({ mode: 'stall' });
    return 1;
  },
  stop: async (rig, random) => {
    await Promise.all([...rig.agents.values()].map((agent) => agent.kill()));
    for (const folder of rig.spoolFolders.values()) folder.flipBits(flippedBits, random);
    await rig.proxy!.does({ mode: 'pass' });
    await Promise.all([...rig.agents.values()].map((agent) => agent.start()));
  },
};
