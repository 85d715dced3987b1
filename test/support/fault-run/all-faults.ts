/** All faults, in the order of the table. */
import type { Fault } from './fault.ts';
import { flippedData, flippedSpool, fullData, fullDataAndKill, fullSpool } from './faults/disks.ts';
import { killAgents, killAggregator } from './faults/kills.ts';
import { networkFault, networkFaults } from './faults/networks.ts';
import { pauseAgents, pauseAggregator } from './faults/pauses.ts';
import { proxyFault, proxyFaults } from './faults/proxies.ts';

/** New ones: a fault remembers what it did. */
export function allFaults(): readonly Fault[] {
  return [
    killAggregator,
    killAgents(),
    pauseAggregator,
    pauseAgents(),
    ...networkFaults.map(networkFault),
    ...proxyFaults.map(proxyFault),
    fullData,
    fullDataAndKill,
    flippedData,
    fullSpool,
    flippedSpool,
  ];
}
