/**
 * Claims about delivery, by part:
 *
 *     restart   an aggregator that is killed under 1,000 agents has all of them back within 30 s, and takes at most twice the
 *               memory that it had.
 *     away      an agent whose aggregator is gone, or reads slowly, grows by 16 MiB at most, however many connections end.
 *     tls       TLS with a certificate for each agent costs at most a quarter of what plaintext takes in per CPU-second.
 *
 *     npm run bench delivery -- [--part NAME]... [--agents N] [--rounds N] [--write]
 *
 * With --write, each part that was measured has its section of docs/benchmarks-delivery.md written anew. The agents of `restart`
 * are real but for their sockets, all in one process on the same machine; the aggregator is the program that people run.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commit } from './support/benchmark-page.ts';
import { measureAway } from './support/delivery/away-rounds.ts';
import { measureRestart } from './support/delivery/restart-rounds.ts';
import { returningFleetRole, runReturningFleet } from './support/delivery/returning-fleet.ts';
import { measureTls } from './support/delivery/tls-rounds.ts';
import { pageWithPart } from './support/engine-page.ts';
import { type Part, planLines, runParts } from './support/engine-plan.ts';
import { fleetReceiverRole, runFleetReceiver } from './support/fleet/fleet-receiver.ts';
import { fleetSenderRole, runFleetSender } from './support/fleet/fleet-sender.ts';
import { machineLines } from './support/report.ts';

const self = fileURLToPath(import.meta.url);
/** bench/ is compiled into dist/bench. */
const page = join(import.meta.dirname, '../../docs/benchmarks-delivery.md');

const head = [
  '# Benchmarks of delivery',
  '',
  'Written by `npm run bench delivery -- --write`, or with `--part PART` for a part alone: each section is of the commit that it',
  'names. See `bench/delivery.ts` for what each does. What delivery promises is measured by [faults](faults.md).',
];

const parts: Readonly<Record<string, Part>> = {
  restart: {
    minutes: 3,
    by: ['agents', 'rounds'],
    measure: ({ agents, rounds }) => measureRestart(self, agents, rounds),
  },
  away: { minutes: 6, by: [], measure: measureAway },
  tls: { minutes: 2, by: ['rounds'], measure: ({ rounds }) => measureTls(self, rounds) },
};

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      part: { type: 'string', multiple: true, default: Object.keys(parts) },
      agents: { type: 'string', default: '1000' },
      rounds: { type: 'string', default: '3' },
      write: { type: 'boolean', default: false },
    },
  });
  const sizes = { halves: 0, agents: Number(values.agents), rounds: Number(values.rounds) };
  const names = Object.keys(parts);
  const unknown = values.part.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`--part ${unknown}: there are ${names.join(', ')}`);
  const machine = machineLines({});
  // As it was before the page is another one.
  const measuredCommit = values.write ? commit() : '';
  for (const line of [...machine, ...planLines(parts, values.part, sizes)]) console.log(line);
  const failed = await runParts(parts, values.part, sizes, (run) => {
    if (!values.write) return;
    const before = existsSync(page) ? readFileSync(page, 'utf8') : '';
    writeFileSync(
      page,
      pageWithPart(before, run, names, measuredCommit, [...head, '', ...machine.map((line) => `- ${line}`)]),
    );
  });
  if (failed.length > 0) process.exitCode = 1;
}

const [role, ...args] = process.argv.slice(2);
await (role === returningFleetRole
  ? runReturningFleet(args[0]!, args[1]!)
  : role === fleetReceiverRole
    ? runFleetReceiver(args[0])
    : role === fleetSenderRole
      ? runFleetSender()
      : main());
