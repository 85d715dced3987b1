/**
 * Claim: a scan of the sock_diag rung, with owners, costs several times less CPU than `ss -tnp` on the same 20,000 sockets
 * of 300 processes: at least 12 times less when nothing changed, 6 times when 1 % of the sockets are new, and 1.5 times
 * when nothing is known yet.
 *
 * Not equal terms: ss is a whole process that prints text; the scan is one of a running agent. bench/sockets.ts compares
 * whole processes. Each round runs all of them, so what else the machine does weighs on each. A scan that follows an idle
 * second finds the kernel's sockets out of the caches; it has a line of its own and no goal.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Namespace } from '../test/support/fleet/namespace.ts';
import { formatSpread, median, printMachine } from './support/report.ts';
import { Asked, type MeasuredScan, runScanner, type ScanKind, scannerRole } from './support/scanner.ts';
import { timeCommand } from './support/timed.ts';

const processes = 300;
const socketsPerProcess = 67;
const rounds = 9;
const warmUpRounds = 3;
/** An agent's interval, in which caches get cold. */
const idleMs = 1000;
/** New connections per round, each with two ends. */
const churn = Math.round((processes * socketsPerProcess) / 100 / 2);
const churningProcesses = 100;

const loadProgram = fileURLToPath(new URL('./programs/churning-load.mjs', import.meta.url));

/** With the goal: how many times less than ss. */
const kinds = {
  'nothing changed': 12,
  '1 % churn': 6,
  'nothing known': 1.5,
  'after idling': null,
} as const;
type Kind = keyof typeof kinds;

interface Round {
  readonly ssCpuMs: number;
  readonly scans: Readonly<Record<Kind, MeasuredScan>>;
}

async function measureRound(inside: Namespace, load: Asked, lasting: Asked, cold: Asked): Promise<Round> {
  const scan = async (scanner: Asked, kind: ScanKind): Promise<MeasuredScan> =>
    JSON.parse(await scanner.ask(kind)) as MeasuredScan;
  const { cpuMs: ssCpuMs } = await timeCommand(inside, ['ss', '-tnp']);
  // The first one takes notice of what happened since the last round.
  await scan(lasting, 'scan');
  const quiet = await scan(lasting, 'scan');
  await load.ask(`${churn} ${churningProcesses}`);
  const churned = await scan(lasting, 'scan');
  const first = await scan(cold, 'cold');
  await sleep(idleMs);
  const idle = await scan(lasting, 'scan');
  return {
    ssCpuMs,
    scans: { 'nothing changed': quiet, '1 % churn': churned, 'nothing known': first, 'after idling': idle },
  };
}

function printRounds(measured: readonly Round[]): void {
  console.log(`ss -tnp          CPU ${formatSpread(measured.map(({ ssCpuMs }) => ssCpuMs))}`);
  for (const kind of Object.keys(kinds) as Kind[]) {
    const cpu = measured.map(({ scans }) => scans[kind].cpuMs);
    const ratio = median(measured.map(({ ssCpuMs, scans }) => ssCpuMs / scans[kind].cpuMs));
    const { sockets, ownedSockets } = measured.at(-1)!.scans[kind];
    console.log(
      `${kind.padEnd(16)} CPU ${formatSpread(cpu).padEnd(20)} ss -tnp / scan = ${ratio.toFixed(1)}` +
        `${kinds[kind] === null ? '' : ` (goal ${kinds[kind]})`}; ${sockets} sockets, ${ownedSockets} with an owner`,
    );
  }
}

async function main(): Promise<void> {
  printMachine({ ss: ['ss', '-V'] });
  console.log(`sockets: ${processes * socketsPerProcess} TCP sockets of ${processes} processes`);
  console.log(`rounds: ${rounds} in turns; medians (least-greatest)`);
  const inside = await Namespace.open('host', 'bench');
  try {
    const load = new Asked(inside, [loadProgram, String(processes), String(socketsPerProcess)]);
    await load.line();
    const self = fileURLToPath(import.meta.url);
    const [lasting, cold] = [new Asked(inside, [self, scannerRole]), new Asked(inside, [self, scannerRole])];
    const measured: Round[] = [];
    for (let round = 0; round < warmUpRounds + rounds; round++) {
      measured.push(await measureRound(inside, load, lasting, cold));
    }
    printRounds(measured.slice(warmUpRounds));
  } finally {
    await inside.close();
  }
}

await (process.argv[2] === scannerRole ? runScanner() : main());
