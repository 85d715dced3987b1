/** What 20 million live connections take of memory, in a process of its own. */
import { CoreFleet } from './core-fleet.ts';
import type { EngineFigure } from './engine-page.ts';
import { halfStream } from './half-stream.ts';
import { inProcess } from './roles.ts';

/** The word that makes the bench's program run as it. */
export const stretchRole = 'stretch';

export interface StretchRun {
  readonly bytes: number;
  readonly live: number;
}

/** In as many streams, so that no more halves than those of one are kept beside the table. */
const streams = 4;

export function runStretch(connections: number): StretchRun {
  const fleet = new CoreFleet(connections);
  for (let i = 0; i < streams; i++) {
    const stream = halfStream((2 * connections) / streams, i << 22);
    const used = fleet.slots.map((slots) => slots.used);
    for (const { agent, from, count } of stream.blocks)
      for (let at = from; at < from + count; at++) stream.halves.slot[at]! += used[agent]!;
    fleet.openAll(stream, null);
  }
  return { bytes: fleet.bytes, live: fleet.core.rows.store.live };
}

/** @param halves of which the other parts are: a fourth of what is measured here */
export function measureStretch(halves: number): EngineFigure[] {
  const connections = 2 * halves;
  console.log(`stretch: ${connections.toLocaleString('en')} connections`);
  const { bytes, live } = inProcess<StretchRun>(stretchRole, String(connections));
  if (live !== connections) throw new Error(`${live} of ${connections} connections are there`);
  const gib = bytes / 2 ** 30;
  return [
    {
      what: '20 million live connections, GiB',
      goal: '<= 2.5',
      ratios: connections === 20_000_000 ? [gib] : [],
      values: `${(bytes / connections).toFixed(1)} B each of ${connections.toLocaleString('en')}: rows, index, queues, slots, edges`,
    },
  ];
}
