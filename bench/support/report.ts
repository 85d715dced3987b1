/** What every bench prints around its figures: the machine, the versions, the commands; and medians. */
import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';

/** On what is measured. @param versions commands that print their version in the first line */
export function machineLines(versions: Readonly<Record<string, readonly string[]>>): string[] {
  const processors = cpus();
  const memoryGiB = Math.round(totalmem() / 2 ** 30);
  return [
    `machine: ${processors.length} x ${processors[0]?.model ?? 'unknown'}, ${memoryGiB} GiB, Linux ${release()}`,
    `node: ${process.version}`,
    ...Object.entries(versions).map(([name, argv]) => `${name}: ${firstLine(argv)}`),
  ];
}

export function printMachine(versions: Readonly<Record<string, readonly string[]>>): void {
  for (const line of machineLines(versions)) console.log(line);
}

function firstLine(argv: readonly string[]): string {
  const text = execFileSync(argv[0]!, argv.slice(1), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return text.trim().split('\n', 1)[0]!;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Least, median and greatest, in milliseconds. */
export function formatSpread(values: readonly number[]): string {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(0)} ms (${least.toFixed(0)}-${most.toFixed(0)})`;
}
