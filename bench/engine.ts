/**
 * Claims about the engine, by part:
 *
 *     core     it opens and matches a half-connection in at most 1.3 times the time of a hash join in C (2 times where that
 *              prefetches), 20 times faster and in a third of the memory of a `Map<string, object>`; a whole life of a
 *              connection takes at most 1 us and 100 bytes; growing never pauses for 2 ms.
 *     ingest   a receiver takes in 60 times the events per CPU-second of one event per message over the same gRPC, 20 times
 *              those of rows, in a twentieth of their bytes, and no less than nine tenths of what gRPC does untouched.
 *     sql      to take all halves in and match them takes at most 2/3 of the time of DuckDB, 1/15 of PostgreSQL's and 1/50 of
 *              SQLite's, and 1/20 of DuckDB's where 2 % are replaced.
 *     fleet    an aggregator with 1,000 agents of 2,000 sockets, each telling once a second that 2 % are replaced and 400
 *              have other counters, takes at most a fifth of a core and 500 MiB, and its event loop is not late by more than
 *              20 ms (p99).
 *     saturation
 *              how many such agents are too many: half as many again are added, for three minutes at most.
 *     questions  while 300,000 connections are asked about, by any question, nobody else waits for more than 20 ms.
 *     shards   two shards take in 1.6 times what one does, of 4 million halves at most.
 *     stretch  20 million connections take at most 2.5 GiB.
 *     latency  at 100,000 events a second of 50 agents a match takes 100 ms at most, 99 times of 100: from the moment at which
 *              the message that tells of the second end is sent to the connection being complete in a whole aggregator.
 *
 *     npm run bench engine -- [--part NAME]... [--halves N] [--rounds N] [--agents N] [--short] [--write]
 *
 * With --write, each part that was measured has its section of docs/benchmarks-engine.md written anew, as soon as it is there.
 *
 * Each peer runs in a process of its own over the same halves or events in the same order, in turns; times are of CPU, user
 * and system. Halves are a multiple of 100. Not equal terms:
 *
 *     core     the join in C knows no births, slots or limits, and its table has its final size from the start; it has freed
 *              rows on a stack, and takes the halves in the order of the core's blocks, as the core does; the Map keeps
 *              what a row and a slot tell, and no queues and edges. What runs is bundled, as the product is.
 *     ingest   the peers' events are objects when they are counted; nobody parses their addresses or looks up their owners.
 *              All acknowledge every 1,000 events. Columns tell what counters have grown by, which nobody adds up here, and a
 *              new round trip in every row; a message decoded is one whose columns are typed arrays and checked.
 *     sql      rows are outside at first, and in the end each engine holds them in its own way, with a table of the connections,
 *              since the core cannot do without. The core and DuckDB take columns of numbers from memory, PostgreSQL a file in
 *              its binary format, SQLite the table of a file of its own: what each does with the least work. The core matches
 *              a half as it takes it in, so taking in counts for all; what the databases' joins take over rows that they
 *              have stands beside it without a goal. The databases know no births, places, limits or slots by which a socket
 *              is found again. The core's pages, growth and stalls count, what its compiler does once in a process does not;
 *              to SQLite its index counts as work. DuckDB runs on one thread, since more take more CPU. Where rows are
 *              replaced, DuckDB is told how to keep both of its tables right by the difference, whichever ends come and go,
 *              and what joining anew takes stands beside it; the core decides directions and counts edges as well. A tick of
 *              few halves is dearer to the core: 4,000 agents tell it, each in a block of its own.
 *     fleet    agents are simulated by one process on the same machine, which says when it is late itself.
 *     latency  is of wall time, and agents and aggregator share the processors of one machine: what others do there is in it.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { commit } from './support/benchmark-page.ts';
import { type CoreRole, coreRoles, measureCore, runCoreRole } from './support/core-rounds.ts';
import { enginePage } from './support/engine-page.ts';
import { type Part, planLines, runParts, type Sizes } from './support/engine-plan.ts';
import { fleetReceiverRole, runFleetReceiver } from './support/fleet/fleet-receiver.ts';
import { measureFleet, measureSaturation } from './support/fleet/fleet-rounds.ts';
import { fleetSenderRole, runFleetSender } from './support/fleet/fleet-sender.ts';
import { measureIngest } from './support/ingest/ingest-rounds.ts';
import { receiverRole, runReceiver } from './support/ingest/receiver.ts';
import { runSender, senderRole } from './support/ingest/sender.ts';
import type { VariantName } from './support/ingest/variants.ts';
import { latencyAggregatorRole, runLatencyAggregator } from './support/latency/aggregator-role.ts';
import { latencyFleetRole, runLatencyFleet } from './support/latency/fleet-role.ts';
import { measureLatency } from './support/latency/latency-rounds.ts';
import { measureQuestions } from './support/questions/question-figures.ts';
import { questionsRole, runQuestions } from './support/questions/questions-run.ts';
import { machineLines } from './support/report.ts';
import { measureShards, runShards, shardsRole } from './support/shards-run.ts';
import { corePeerRole, runCorePeer } from './support/sql/core-peer.ts';
import { duckdbPeerRole, runDuckdbPeer } from './support/sql/duckdb-peer.ts';
import { measureJoins } from './support/sql/join-rounds.ts';
import { measureStretch, runStretch, stretchRole } from './support/stretch-run.ts';

const self = fileURLToPath(import.meta.url);
/** bench/ is compiled into dist/bench. */
const page = join(import.meta.dirname, '../../docs/benchmarks-engine.md');

/** Where scripts/engine-peers.mjs lets npm put DuckDB. */
const duckdbFolder = join(import.meta.dirname, '../../node_modules/.bench-peers');

/** What the claims are about takes half an hour and 8 GiB; a short look, some minutes. */
const sizes = {
  full: { halves: 10_000_000, rounds: 3, agents: 1000 },
  short: { halves: 1_000_000, rounds: 1, agents: 100 },
} as const satisfies Record<string, Sizes>;

const parts: Readonly<Record<string, Part>> = {
  core: {
    minutes: 5,
    by: ['halves', 'rounds'],
    measure: ({ halves, rounds }) => measureCore(halves, rounds),
  },
  ingest: { minutes: 2, by: ['rounds'], measure: ({ rounds }) => measureIngest(self, rounds) },
  sql: {
    minutes: 7,
    by: ['halves', 'rounds'],
    measure: ({ halves, rounds }) =>
      measureJoins(halves, rounds, existsSync(join(duckdbFolder, 'node_modules')) ? duckdbFolder : null),
  },
  fleet: { minutes: 3, by: ['agents'], measure: ({ agents }) => measureFleet(self, agents) },
  saturation: { minutes: 5, by: ['agents'], measure: ({ agents }) => measureSaturation(self, agents) },
  questions: { minutes: 1, by: [], measure: ({ halves }) => measureQuestions(halves) },
  shards: {
    minutes: 2,
    by: ['rounds'],
    measure: ({ halves, rounds }) => measureShards(halves, rounds),
  },
  stretch: { minutes: 2, by: [], measure: ({ halves }) => measureStretch(halves) },
  latency: { minutes: 2, by: ['rounds'], measure: ({ rounds }) => measureLatency(self, rounds) },
};

/** What the bench's program is when it is called by a role. */
const roles: Readonly<Record<string, (...args: string[]) => void | Promise<void>>> = {
  ...Object.fromEntries(coreRoles.map((role) => [role, coreRole(role)])),
  [corePeerRole]: (halves) => print(runCorePeer(Number(halves))),
  [duckdbPeerRole]: async (folder, halves) => print(await runDuckdbPeer(folder!, Number(halves))),
  [questionsRole]: async (connections) => print(await runQuestions(Number(connections))),
  [shardsRole]: async (halves, shards) => print(await runShards(Number(halves), Number(shards))),
  [stretchRole]: (connections) => print(runStretch(Number(connections))),
  [fleetReceiverRole]: runFleetReceiver,
  [fleetSenderRole]: runFleetSender,
  [latencyAggregatorRole]: runLatencyAggregator,
  [latencyFleetRole]: (address, rate) => runLatencyFleet(address!, rate!),
  [receiverRole]: (variant, mix) => runReceiver(variant as VariantName, mix!),
  [senderRole]: (variant, mix) => runSender(variant as VariantName, mix!),
};

function coreRole(role: CoreRole): (halves?: string, columnsFile?: string) => void {
  return (halves, columnsFile) => print(runCoreRole(role, Number(halves), columnsFile));
}

/** A result, for whoever runs the role. */
function print(result: unknown): void {
  console.log(JSON.stringify(result));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      part: { type: 'string', multiple: true, default: Object.keys(parts) },
      halves: { type: 'string' },
      rounds: { type: 'string' },
      agents: { type: 'string' },
      short: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  const usual = values.short ? sizes.short : sizes.full;
  const chosen = {
    halves: Number(values.halves ?? usual.halves),
    rounds: Number(values.rounds ?? usual.rounds),
    agents: Number(values.agents ?? usual.agents),
  };
  const names = Object.keys(parts);
  const unknown = values.part.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`--part ${unknown}: there are ${names.join(', ')}`);
  const machine = machineLines({});
  for (const line of [...machine, ...planLines(parts, values.part, chosen)]) console.log(line);
  // As it was before the page is another one.
  const measuredCommit = values.write ? commit() : '';
  const failed = await runParts(parts, values.part, chosen, (run) => {
    if (!values.write) return;
    const before = existsSync(page) ? readFileSync(page, 'utf8') : '';
    writeFileSync(page, enginePage(before, run, names, measuredCommit, machine));
  });
  if (failed.length === 0) return;
  console.error(`failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}

const role = roles[process.argv[2] ?? ''];
if (role === undefined) await main();
else await role(...process.argv.slice(3));
