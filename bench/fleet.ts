/**
 * Claim: a fleet whose connections are plain costs the aggregator half the memory and half the time that it costs as objects.
 * Each second 2 % of the sockets are others, and a fifth are counted; what gRPC takes is left out.
 *
 *     npm run bench fleet -- [--hosts N] [--sockets N] [--ticks N] [--objects]
 *
 * Messages are made ahead and handed to ingest as bytes, one process for each run. `--objects` keeps every connection as
 * objects, which is what the core is measured against.
 */
import { parseArgs } from 'node:util';
import { cpuMs } from './support/cpu-time.ts';
import { FleetLoad } from './support/fleet-load.ts';
import { median, printMachine } from './support/report.ts';

const churn = 0.02;
const counted = 0.2;

function main(): void {
  const { values } = parseArgs({
    options: {
      hosts: { type: 'string', default: '200' },
      sockets: { type: 'string', default: '2000' },
      ticks: { type: 'string', default: '10' },
      objects: { type: 'boolean', default: false },
    },
  });
  printMachine({});
  const [hosts, sockets] = [Number(values.hosts), Number(values.sockets)];
  const load = new FleetLoad(hosts, sockets, values.objects ? 0 : 1 << 22);
  const connections = (hosts * sockets) / 2;
  load.prepareSnapshots();
  const before = memoryMb();
  const snapshotMs = cpuMs(() => load.receive());
  load.pass(1_000);
  const after = memoryMb();
  console.log(`${hosts} hosts x ${sockets} sockets, ${values.objects ? 'objects' : 'core'}`);
  console.log(`snapshots: ${((snapshotMs * 1e3) / (2 * connections)).toFixed(2)} us per socket`);
  console.log(`memory: ${(((after - before) * 2 ** 20) / connections).toFixed(0)} B per connection`);
  console.log(JSON.stringify(load.view.correlator.sizes));
  const ticks: number[] = [];
  for (let n = 0; n < Number(values.ticks); n++) {
    const told = load.prepareTick(churn, counted);
    global.gc?.();
    ticks.push(cpuMs(() => load.receive()));
    load.pass(1_000);
    if (n === 0) console.log(`a tick opens ${told.opened} sockets, closes as many, counts ${told.counted}`);
  }
  console.log(
    `tick: ${median(ticks).toFixed(0)} ms (${(median(ticks) / 10).toFixed(1)} % of a core), rss ${memoryMb().toFixed(0)} MB`,
  );
}

function memoryMb(): number {
  global.gc?.();
  global.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return process.env['RSS'] === '1' ? rss / 2 ** 20 : heapUsed / 2 ** 20;
}

main();
