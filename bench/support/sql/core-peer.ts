/** The core asked what the databases are asked: see join-run.ts. It begins with nothing, and takes halves in as it matches them. */
import { holderWord, rowShift } from '../../../aggregator/core/connection-row.ts';
import { CoreFleet } from '../core-fleet.ts';
import { warmUp } from '../core-run.ts';
import { cpuMs } from '../cpu-time.ts';
import { type TickRun, tickStreams } from './join-run.ts';

/** The word that makes the bench's program run as it. */
export const corePeerRole = 'core-peer';

export function runCorePeer(halfCount: number): TickRun {
  warmUp();
  const { standing, going, coming } = tickStreams(halfCount);
  const joining = new CoreFleet(halfCount / 2);
  const joinMs = cpuMs(() => joining.matchAll(standing));
  const fleet = new CoreFleet((halfCount + coming.halves.slot.length) / 2);
  fleet.openAll(standing, null);
  const tickMs = cpuMs(() => {
    fleet.closeAll(going);
    fleet.openAll(coming, null);
    fleet.sweepAll(10);
  });
  return {
    loadMs: 0,
    joinMs,
    matched: matchedIn(joining, halfCount / 2),
    tickMs,
    tickMatched: openIn(fleet),
  };
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
