/** docs/faults.md: the table of `npm run faults -- --write`, and what its words mean. */
import { commit } from '../../../bench/support/benchmark-page.ts';
import { machineLines } from '../../../bench/support/report.ts';
import { faultList, faultTable } from './fault-table.ts';
import type { FaultFigures } from './run-fault.ts';

/** @param argv of the run */
export function faultsPage(figures: readonly FaultFigures[], argv: readonly string[]): string {
  return [
    '# Faults',
    '',
    `Written by \`${['npm run faults --', ...argv].join(' ')}\`; every figure is of that one run.`,
    '',
    `- commit ${commit()}`,
    ...machineLines({}).map((line) => `- ${line}`),
    '',
    'Three hosts of network namespaces with an agent each and an aggregator on a fourth, all of them real processes. On each',
    'host two processes open connections to all others, 20 a second in all, which live from 25 ms to 3 minutes, and write down',
    'what they did. A fault is done again and again meanwhile. Half a minute after the last one at most, the answers have to',
    'agree with what was written down.',
    '',
    ...faultTable(figures),
    '',
    '- **connections**: judged, each with both its ends. With events by eBPF none is too short to be told, so all count.',
    '- **lost undeclared**: ends that are not in the answers, or without their process, and in no gap of their host; and what is',
    '  open and told as closed.',
    '- **phantoms**: connections that nobody opened, that are told twice, or are over and told as open.',
    '- **wrong owner**: an end with another process than the one that had it, or client and server turned round.',
    '- **in gaps**: ends that are not in the answers and were closed within a gap that their host declares.',
    '- **recovery**: from the end of a fault to a connection that was opened just then being in the answers with both its ends',
    '  and their processes.',
    '- **RSS**: of the aggregator before the first fault and at its most, over all its lives; of the agent that grew most, by how',
    '  much more it had than before the first fault.',
    '',
    ...faultList(figures),
    '',
  ].join('\n');
}
