/** The core asked what the databases are asked: see join-run.ts. It begins with empty tables, which grow meanwhile. */
import { holderWord, rowShift } from '../../../aggregator/core/connection-row.ts';
import { CoreFleet } from '../core-fleet.ts';
import { warmUp } from '../core-run.ts';
import { cpuMs } from '../cpu-time.ts';
import { halfStream, type Stream } from '../half-stream.ts';
import { type TickRun, tickClients, tickHalves } from './join-run.ts';

/** The word that makes the bench's program run as it. */
export const corePeerRole = 'core-peer';

export function runCorePeer(halfCount: number): TickRun {
  warmUp();
  const stream = halfStream(halfCount);
  const churn = tickHalves(halfCount);
  const joining = new CoreFleet(halfCount / 2);
  const joinMs = cpuMs(() => joining.matchAll(stream));
  const fleet = new CoreFleet(halfCount / 2 + churn);
  fleet.openAll(stream, null);
  const going = behind(fleet, halfStream(churn, tickClients.going));
  fleet.openAll(going, null);
  const coming = behind(fleet, halfStream(churn, tickClients.coming));
  const tickMs = cpuMs(() => {
    fleet.closeAll(going);
    fleet.openAll(coming, null);
    fleet.sweepAll(10);
  });
  const tickMatched = openIn(fleet) - halfCount / 2;
  return { joinMs, matched: matchedIn(joining, halfCount / 2), tickMs, tickMatched };
}

/** Rows that know both ends. */
function matchedIn({ core }: CoreFleet, rows: number): number {
  const { words } = core.rows;
  let matched = 0;
  for (let row = 0; row < rows; row++) {
    const first = row << rowShift;
    if (words[first + holderWord] !== 0 && words[first + holderWord + 1] !== 0) matched++;
  }
  return matched;
}

function openIn({ sums }: CoreFleet): number {
  return [...sums.all].reduce((sum, edge) => sum + edge.open, 0);
}

/** With slots that the agents have not used yet. */
function behind(fleet: CoreFleet, stream: Stream): Stream {
  const { slot } = stream.halves;
  const used = fleet.slots.map((slots) => slots.used);
  for (const { agent, from, count } of stream.blocks)
    for (let i = from; i < from + count; i++) slot[i]! += used[agent]!;
  return stream;
}
