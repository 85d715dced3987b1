/** docs/benchmarks.md: what `npm run bench agent -- --write` measured, and on what. */
import { execFileSync } from 'node:child_process';
import { type IdleCost, idleText } from './idle-agent.ts';
import { type OneShot, oneShotRatio } from './one-shot.ts';
import { machineLines } from './report.ts';
import { type Figure, figuresOf, longestBlocks, warmUpLines } from './scan-figures.ts';
import type { ScanRounds } from './scan-rounds.ts';
import { socketsLabel } from './socket-load.ts';

export interface Measured {
  /** Of ascending sizes. */
  readonly scans: readonly ScanRounds[];
  readonly idle: readonly IdleCost[];
  readonly oneShot: OneShot;
}

/** @param versions as printMachine */
export function benchmarkPage(
  measured: Measured,
  versions: Readonly<Record<string, readonly string[]>>,
): string {
  return [
    '# Benchmarks',
    '',
    'Written by `npm run bench agent -- --write`; every figure is of that one run.',
    '',
    `- commit ${commit()}`,
    ...machineLines(versions).map((line) => `- ${line}`),
    '',
    ...scanSection(measured.scans),
    ...idleSection(measured),
    ...oneShotSection(measured.oneShot),
  ].join('\n');
}

/** Of the sources that were measured. */
export function commit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const isChanged = git('status', '--porcelain', '--untracked-files=no') !== '';
  return `${git('rev-parse', '--short=12', 'HEAD')}${isChanged ? ', with changes' : ''}`;
}

function scanSection(scans: readonly ScanRounds[]): string[] {
  const columns = scans.map(figuresOf);
  const head = ['peer', 'a tick of the agent', ...scans.map(({ size }) => socketsLabel(size))];
  return [
    '## CPU of one tick',
    '',
    'User and system time of a peer, divided by that of one tick of an agent: a scan of all sockets with their owners and the',
    'difference to the last one. Measured in turns, each tick a second after the one before unless it says "at once". By eBPF',
    'what an agent takes is the mean of ten ticks in a row, one of which reads everything; a quiet tick is their median. Not',
    'equal terms: a peer is a whole process that prints text. In brackets the goal. The dump that looks for sockets which',
    'nobody holds comes every 30 s or more rarely, so most tens of ticks have none: it adds about 1 ms to each at 20,000 sockets.',
    'A cold tick is by a collector that knows nothing yet, opening it included, in a process that has made such ticks before and',
    'whose V8 is as it comes. A first tick is the same in a new process, as when an agent starts: code is loaded before, but what',
    'V8 compiles counts, and V8 is told to keep its memory small.',
    'Where 1 % is new, the first ticks are not counted, in which V8 compiles what only runs then; they stand below the table.',
    '',
    tableRow(head),
    tableRow(head.map(() => '---')),
    ...columns[0]!.map(({ tick, peer }, i) =>
      tableRow([`\`${peer}\``, tick, ...columns.map((column) => figureText(column[i]!))]),
    ),
    '',
    'Not counted, CPU of each:',
    '',
    ...scans.flatMap((scan) => warmUpLines(scan).map((line) => `- ${socketsLabel(scan.size)}: ${line}`)),
    '',
  ];
}

function figureText({ ratio, goal, peerMs, tickMs }: Figure): string {
  const aim = goal === null ? '' : ` (${goal})`;
  return `**${ratio.toFixed(1)}**${aim}: ${peerMs.toFixed(0)} / ${tickMs.toFixed(1)} ms`;
}

function idleSection({ idle, scans }: Measured): string[] {
  return [
    '## A whole agent',
    '',
    ...idle.map((cost) => `- ${socketsLabel(cost.size)}, a scan each second, nothing new: ${idleText(cost)}`),
    ...scans.map((scan) => {
      const { first, later } = longestBlocks(scan);
      return `- ${socketsLabel(scan.size)}: the event loop stands still for ${first.toFixed(1)} ms at most in a first tick, ${later.toFixed(1)} ms in later ones`;
    }),
    '',
  ];
}

function oneShotSection(oneShot: OneShot): string[] {
  const line = (peer: 'ss -tnp' | 'netstat -tnp'): string => {
    const [wall, cpu] = [oneShotRatio(oneShot, peer, 'wallMs'), oneShotRatio(oneShot, peer, 'cpuMs')];
    return `- ${wall.toFixed(2)} times the wall time and ${cpu.toFixed(2)} times the CPU of \`${peer}\``;
  };
  return [
    '## `whotalks sockets` as a command',
    '',
    `Whole processes, ${socketsLabel(oneShot.size)}, each printed as a line of text:`,
    '',
    line('ss -tnp'),
    line('netstat -tnp'),
    '',
  ];
}

/** In Markdown. */
export function tableRow(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
