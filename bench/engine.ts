/**
 * Claims about the engine, by part:
 *
 *     core     it opens and matches a half-connection in at most 1.3 times the time of a hash join in C (2 times where that
 *              prefetches), 20 times faster and in a third of the memory of a `Map<string, object>`; a whole life of a
 *              connection takes at most 1 us and 100 bytes; growing never pauses for 2 ms.
 *     ingest   a receiver takes in 60 times the events per CPU-second of one event per message over the same gRPC, 20 times
 *              those of rows, in a twentieth of their bytes, and no less than nine tenths of what gRPC does untouched.
 *
 *     npm run bench engine -- [--part NAME]... [--halves N] [--rounds N] [--short] [--write]
 *
 * Each peer runs in a process of its own over the same halves or events in the same order, in turns; times are of CPU, user
 * and system. Not equal terms:
 *
 *     core     the join in C knows no births, slots or limits, and its table has its final size from the start; the Map keeps
 *              its objects and no more.
 *     ingest   the peers' events are objects when they are counted; nobody parses their addresses or looks up their owners.
 *              All acknowledge every 1,000 events.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type CoreRole, coreRoles, measureCore, runCoreRole } from './support/core-rounds.ts';
import { type EngineFigure, type EnginePart, enginePage, engineTable } from './support/engine-page.ts';
import { measureIngest } from './support/ingest/ingest-rounds.ts';
import { receiverRole, runReceiver } from './support/ingest/receiver.ts';
import { runSender, senderRole } from './support/ingest/sender.ts';
import type { VariantName } from './support/ingest/variants.ts';
import { printMachine } from './support/report.ts';

const self = fileURLToPath(import.meta.url);
/** bench/ is compiled into dist/bench. */
const page = join(import.meta.dirname, '../../docs/benchmarks-engine.md');

interface Sizes {
  readonly halves: number;
  readonly rounds: number;
}

/** What the claims are about takes some minutes and 4 GiB; a short look, less than two minutes. */
const sizes = {
  full: { halves: 10_000_000, rounds: 3 },
  short: { halves: 1_000_000, rounds: 1 },
} as const satisfies Record<string, Sizes>;

const parts: Readonly<Record<string, (sizes: Sizes) => EngineFigure[] | Promise<EngineFigure[]>>> = {
  core: ({ halves, rounds }) => measureCore(halves, rounds),
  ingest: ({ rounds }) => measureIngest(self, rounds),
};

/** What the bench's program is when it is called by a role. */
const roles: Readonly<Record<string, (...args: string[]) => void | Promise<void>>> = {
  ...Object.fromEntries(coreRoles.map((role) => [role, coreRole(role)])),
  [receiverRole]: (variant, mix) => runReceiver(variant as VariantName, mix!),
  [senderRole]: (variant, mix) => runSender(variant as VariantName, mix!),
};

function coreRole(role: CoreRole): (halves?: string, columnsFile?: string) => void {
  return (halves, columnsFile) => console.log(JSON.stringify(runCoreRole(role, Number(halves), columnsFile)));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      part: { type: 'string', multiple: true, default: Object.keys(parts) },
      halves: { type: 'string' },
      rounds: { type: 'string' },
      short: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  const usual = values.short ? sizes.short : sizes.full;
  const chosen = {
    halves: Number(values.halves ?? usual.halves),
    rounds: Number(values.rounds ?? usual.rounds),
  };
  printMachine({});
  const measured: EnginePart[] = [];
  for (const name of values.part) measured.push({ name, figures: await measurePart(name, chosen) });
  for (const line of engineTable(measured)) console.log(line);
  if (!values.write) return;
  if (measured.length < Object.keys(parts).length) throw new Error('--write wants all parts');
  writeFileSync(page, enginePage({ ...chosen, parts: measured }, {}));
}

async function measurePart(name: string, chosen: Sizes): Promise<EngineFigure[]> {
  const measure = parts[name];
  if (measure === undefined) throw new Error(`--part ${name}: there are ${Object.keys(parts).join(', ')}`);
  return measure(chosen);
}

const role = roles[process.argv[2] ?? ''];
if (role === undefined) await main();
else await role(...process.argv.slice(3));
