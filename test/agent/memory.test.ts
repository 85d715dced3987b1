/**
 * What a socket takes in the memory of an agent, through all that keep something of it: the records of the last scan, its
 * slot in the collector, its entry in the watch, its record in the slot table, and its turn in the counters.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { HeldSockets } from '../../agent/collect/held-sockets.ts';
import { Rotation } from '../../agent/counters/rotation.ts';
import { GapLedger } from '../../agent/export/gap-ledger.ts';
import { SlotTable } from '../../agent/export/slot-table.ts';
import { SocketWatch } from '../../agent/watch/socket-watch.ts';
import type { Process } from '../../model/process.ts';
import { encodeFound } from './collect/ebpf-records.ts';
import { scan } from './sockets.ts';

/** A tenth more than it is; 64 of them are the record itself, and as many the room that records have to grow. */
const bytesPerSocketMax = 770;

const [processes, socketsPerProcess] = [100, 200];
const netns = 4_026_531_840;

/** Half of them take connections at one endpoint, half of them make some. */
function someSockets() {
  return encodeFound(
    Array.from({ length: processes }, (_, i) => ({
      pid: i + 1,
      records: Array.from({ length: socketsPerProcess }, (__, j) => {
        const port = 1_024 + ((i * socketsPerProcess + j) % 60_000);
        const ports =
          i % 2 === 0 ? { localPort: 8_743, remotePort: port } : { localPort: port, remotePort: 8_743 };
        return { fd: 3 + j, inode: 1_000 + i * socketsPerProcess + j, netns, ...ports };
      }),
    })),
  );
}

/** Everything that a whole agent keeps of sockets, after its first scan. */
function firstScan(found: ReturnType<typeof someSockets>) {
  const processOf = new Map<number, Process>();
  const held = new HeldSockets(({ pid }) => {
    const known = processOf.get(pid) ?? ({ pid, startTicks: 1, comm: 'test' } as Process);
    processOf.set(pid, known);
    return known;
  });
  const [watch, slots, rotation] = [new SocketWatch(), new SlotTable(new GapLedger()), new Rotation(600_000)];
  const reading = held.read(found);
  let step = reading.next();
  while (step.done !== true) step = reading.next();
  for (const event of watch.apply(scan(1_000_000, step.value))) {
    slots.apply(event);
    rotation.apply(event);
  }
  slots.startSnapshot();
  for (const record of slots.pending()) slots.markTold(record, 1);
  rotation.take(processes * socketsPerProcess, 0);
  return { held, watch, slots, rotation };
}

/** In the heap of V8 and in buffers, after garbage was collected. */
function bytesInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

it(`takes less than ${bytesPerSocketMax} bytes per socket`, () => {
  const found = someSockets();
  // Once for what is compiled and cached meanwhile.
  firstScan(found);
  const before = bytesInUse();
  const kept = firstScan(found);
  const perSocket = (bytesInUse() - before) / (processes * socketsPerProcess);
  expect(kept.slots.liveCount).toBe(processes * socketsPerProcess);
  expect([kept.held.malformedTotal, kept.watch.size]).toEqual([0, kept.rotation.size]);
  expect(perSocket).toBeLessThan(bytesPerSocketMax);
  // Were it less by much, the limit would not hold anything.
  expect(perSocket).toBeGreaterThan(bytesPerSocketMax / 2);
});
