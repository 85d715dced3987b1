/**
 * Claim: a tick of an agent (a scan of all sockets with their owners, and the difference to the last one) takes at least
 * 40 times less CPU than `ss -tnp` on the same 20,000 sockets of 300 processes, and 150 times less on 100,000; an idle
 * agent at its default interval takes less than 1.5 % of a core and 90 MiB; it never blocks its event loop for more than
 * 20 ms; and `whotalks sockets` takes at most 0.6 times the time of `ss -tnp`. All goals stand beside the figures.
 *
 *     npm run bench agent -- [--part scans|idle|oneshot]... [--size 20|100]... [--rounds N]
 *                             [--only ebpf|sockdiag] [--write]
 *
 * `--only` leaves out the other rung, and the peers that it alone is held against. `--write` puts the figures into
 * docs/benchmarks.md.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { RungName } from '../agent/collect/source.ts';
import { benchmarkPage, type Measured } from './support/benchmark-page.ts';
import { type IdleCost, idleText, measureIdle } from './support/idle-agent.ts';
import { measureOneShot, type OneShot, printOneShot } from './support/one-shot.ts';
import { printMachine } from './support/report.ts';
import { printScans } from './support/scan-figures.ts';
import { measuredRungs, measureScans, type ScanRounds } from './support/scan-rounds.ts';
import { type LoadSize, socketsLabel } from './support/socket-load.ts';
import { runTicker, tickerRole } from './support/ticker.ts';

/** By thousands of sockets. */
const sizes: Readonly<Record<string, LoadSize>> = {
  20: { processes: 300, socketsPerProcess: 67 },
  100: { processes: 300, socketsPerProcess: 334 },
};

const versions = { ss: ['ss', '-V'], netstat: ['netstat', '--version'] };

/** bench/ is compiled into dist/bench. */
const page = join(import.meta.dirname, '../../docs/benchmarks.md');

const defaultRounds = { 20: 9, 100: 5 } as const;

function printIdle(cost: IdleCost): void {
  console.log(`\n${socketsLabel(cost.size)}, an agent at its default interval: ${idleText(cost)}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      part: { type: 'string', multiple: true, default: ['scans', 'idle', 'oneshot'] },
      size: { type: 'string', multiple: true, default: Object.keys(sizes) },
      rounds: { type: 'string' },
      only: { type: 'string' },
      write: { type: 'boolean', default: false },
    },
  });
  printMachine(versions);
  const rungs = measuredRungs.filter((rung) => rung === (values.only ?? rung));
  if (rungs.length === 0) throw new Error(`--only ${values.only}: there are ${measuredRungs.join(', ')}`);
  const scans: ScanRounds[] = [];
  const idle: IdleCost[] = [];
  let oneShot: OneShot | null = null;
  for (const name of values.size) {
    const size = sizes[name];
    if (size === undefined) throw new Error(`--size ${name}: there are ${Object.keys(sizes).join(', ')}`);
    const rounds = Number(values.rounds ?? defaultRounds[name === '20' ? 20 : 100]);
    if (values.part.includes('scans')) {
      scans.push(await measureScans(size, rounds, fileURLToPath(import.meta.url), rungs));
      printScans(scans.at(-1)!);
    }
    if (values.part.includes('idle')) {
      idle.push(await measureIdle(size));
      printIdle(idle.at(-1)!);
    }
    if (values.part.includes('oneshot') && name === '20') {
      oneShot = await measureOneShot(size, rounds);
      printOneShot(oneShot);
    }
  }
  if (values.write && values.only !== undefined) throw new Error('--write wants all rungs');
  if (values.write) writePage({ scans, idle, oneShot });
}

function writePage({ scans, idle, oneShot }: Omit<Measured, 'oneShot'> & { oneShot: OneShot | null }): void {
  if (oneShot === null || scans.length === 0) throw new Error('--write wants all parts');
  mkdirSync(dirname(page), { recursive: true });
  writeFileSync(page, benchmarkPage({ scans, idle, oneShot }, versions));
  console.log(`\nwritten: docs/benchmarks.md`);
}

await (process.argv[2] === tickerRole ? runTicker(process.argv[3] as RungName) : main());
