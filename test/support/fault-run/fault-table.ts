/** The table of faults: one row for each, what was promised beside what came out. */
import { table } from '../../../bench/support/events-page.ts';
import type { FaultFigures } from './run-fault.ts';
import { isClean } from './verdict.ts';

const head = [
  'fault',
  'times',
  'connections',
  'lost undeclared',
  'phantoms',
  'wrong owner',
  'in gaps',
  'gaps',
  'recovery p50 / p99',
  'RSS of the aggregator before, peak',
  'an agent grew by',
  'largest spool',
] as const;

/** Lines in Markdown, which is also what is printed. */
export function faultTable(figures: readonly FaultFigures[]): string[] {
  return table([...head], figures.map(cells));
}

/** What each fault is, for the page. */
export function faultList(figures: readonly FaultFigures[]): string[] {
  return figures.map(({ fault }) => `- **${fault.name}**: ${fault.what}`);
}

/** Nothing is wrong, and the fleet came back each time. */
export function isKept({ verdict, neverRecovered }: FaultFigures): boolean {
  return isClean(verdict) && neverRecovered === 0;
}

function cells({ fault, times, verdict, gapSeconds, ...rest }: FaultFigures): string[] {
  const { judged, lostUndeclared, phantoms, wrongOwner, lostDeclared, gaps } = verdict;
  const { aggregatorBeforeMiB, aggregatorPeakMiB, agentGrowthMiB, spoolMiB } = rest.memory;
  return [
    fault.name,
    String(times),
    String(judged),
    ...[lostUndeclared, phantoms, wrongOwner].map(promisedZero),
    `${lostDeclared} ends`,
    `${gaps.length}, ${gapSeconds.toFixed(0)} s`,
    recoveryText(rest.recoveriesMs, rest.neverRecovered),
    `${aggregatorBeforeMiB.toFixed(0)}, ${aggregatorPeakMiB.toFixed(0)} MiB`,
    `${agentGrowthMiB.toFixed(0)} MiB`,
    `${(spoolMiB * 1024).toFixed(0)} KiB`,
  ];
}

function promisedZero(count: number): string {
  return count === 0 ? '0' : `**${count}**`;
}

function recoveryText(ascendingMs: readonly number[], never: number): string {
  const failed = never === 0 ? '' : `; **${never} never**`;
  if (ascendingMs.length === 0) return `-${failed}`;
  const at = (share: number): string => {
    const place = Math.min(ascendingMs.length - 1, Math.ceil(share * ascendingMs.length) - 1);
    return (ascendingMs[Math.max(0, place)]! / 1000).toFixed(1);
  };
  return `${at(0.5)} / ${at(0.99)} s of ${ascendingMs.length}${failed}`;
}
