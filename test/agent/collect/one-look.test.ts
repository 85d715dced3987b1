/** The eBPF rung of whoever looks once, on real sockets, beside the procfs rung. */
import { statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { loadBpfCalls } from '../../../agent/bpf/bpf-calls.ts';
import { kernelLayout, readOwnBtf } from '../../../agent/bpf/kernel-layout.ts';
import type { SeenTask } from '../../../agent/bpf/task-table.ts';
import { EbpfUnavailableError } from '../../../agent/collect/ebpf-unavailable.ts';
import { HeldSockets } from '../../../agent/collect/held-sockets.ts';
import { LookedSockets } from '../../../agent/collect/looked-sockets.ts';
import { createOneLookCollector } from '../../../agent/collect/one-look-collector.ts';
import { createProcfsCollector } from '../../../agent/collect/procfs-collector.ts';
import type { Collector, Scan } from '../../../agent/collector.ts';
import { noContainer } from '../../../model/container.ts';
import type { Process } from '../../../model/process.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { canMakeNamespaces, Namespace } from '../../support/fleet/namespace.ts';
import { fc } from '../../support/random-cases.ts';
import { until } from '../../support/until.ts';
import { whyNoEbpf } from '../bpf/live-kernel.ts';
import { encodeFound } from './ebpf-records.ts';
import { zoo } from './ebpf-zoo.ts';
import { children, closeAll } from './machine.ts';

const closing: { close(): unknown }[] = [];

afterEach(async () => {
  await closeAll();
  for (const one of closing.splice(0)) await one.close();
});

function kept<T extends { close(): unknown }>(one: T): T {
  closing.push(one);
  return one;
}

/** Everything of a socket, which this rung tells only when it is asked. */
function told({ protocol, state, local, remote, inode, uid, netns, owners }: OwnedSocket): OwnedSocket {
  return { protocol, state, local, remote, inode, uid, netns, owners };
}

/** Of a namespace, in an order of their own. */
function inNetns({ sockets }: Scan, netns: number): OwnedSocket[] {
  const text = (socket: OwnedSocket): string => JSON.stringify(socket);
  return sockets
    .filter((socket) => socket.netns === netns)
    .map(told)
    .toSorted((a, b) => text(a).localeCompare(text(b)));
}

/** The same as it is where nothing is asked of processes but who they are. */
function identified(socket: OwnedSocket): object {
  const owners = socket.owners.map(({ process: { pid, startTicks, comm, uid }, fds }) => {
    return { pid, startTicks, comm, uid, fds };
  });
  return { ...socket, owners };
}

/** As both ways of reading records make of it. */
function processOf({ pid, startTicks, comm, uid }: SeenTask): Process {
  const unknown = { exe: null, cmdline: null, program: null, user: null, unit: null };
  return { pid, startTicks, comm, uid, ...unknown, ...noContainer };
}

/** Few inodes, so that many are shared; one of them in a state that has no word. */
const record = fc
  .record({
    fd: fc.integer({ min: 0, max: 8 }),
    inode: fc.integer({ min: 1, max: 6 }),
    subflow: fc.constantFrom(0, 0, 1, 2),
  })
  .map((one) => ({ ...one, state: one.inode === 6 ? 13 : 1 }));
const task = fc.record({
  pid: fc.integer({ min: 1, max: 9 }),
  records: fc
    .uniqueArray(record, { selector: ({ fd, subflow }) => `${fd} ${subflow}` })
    .map((records) => records.toSorted((a, b) => a.fd - b.fd)),
});

describe('records of one scan', () => {
  it('make the sockets that the rung of many scans makes of them', () => {
    const tasks = fc.uniqueArray(task, { selector: ({ pid }) => pid });
    fc.assert(
      fc.property(tasks, (some) => {
        const found = encodeFound(some);
        const processes = new Map(some.map(({ pid }) => [pid, null as Process | null]));
        const known = (seen: SeenTask): Process => {
          const process = processes.get(seen.pid) ?? processOf(seen);
          processes.set(seen.pid, process);
          return process;
        };
        const looked = new LookedSockets(found);
        for (const _ of looked.read(known));
        const held = new HeldSockets(known);
        const reading = held.read(found);
        let step = reading.next();
        while (step.done !== true) step = reading.next();
        expect(looked.sockets.map(told)).toEqual(step.value);
        expect(looked.malformedTotal).toBe(held.malformedTotal);
        expect(looked.malformed).toEqual(held.malformed);
        for (let inode = 1; inode <= 6; inode++) expect(looked.holds(inode)).toBe(held.holds(inode));
      }),
    );
  });
});

const obstacle = await whyNoEbpf();

describe.skipIf(obstacle !== null)('one look', () => {
  it.runIf(canMakeNamespaces).each([
    [true, (sockets: readonly OwnedSocket[]): readonly object[] => sockets],
    [false, (sockets: readonly OwnedSocket[]): readonly object[] => sockets.map(identified)],
  ])('shows sockets of every kind as procfs does; with details: %s', async (hasDetails, shown) => {
    const inside = kept(await Namespace.open('host', 'quiet'));
    const netns = statSync(`/proc/${inside.pid}/ns/net`).ino;
    const child = children.start(zoo, { prefix: inside.enterNetwork });
    await child.line();
    const procfs = kept(createProcfsCollector());
    // Timers end some of the states in between; two scans of procfs that agree frame one that nothing happened in.
    await until('nothing happens for a moment', async () => {
      const before = inNetns(await procfs.scan(), netns);
      const looked = await look(hasDetails);
      const after = inNetns(await procfs.scan(), netns);
      if (JSON.stringify(before) !== JSON.stringify(after)) return false;
      expect(shown(inNetns(looked, netns))).toEqual(shown(before));
      expect(before.length).toBeGreaterThan(20);
      return true;
    });
  });

  it('tells who is in the namespaces only where details are asked for', async () => {
    const own = statSync('/proc/self/ns/net').ino;
    const addresses = async (hasDetails: boolean): Promise<number> => {
      const { netns } = await look(hasDetails);
      return netns.find(({ inode }) => inode === own)!.addresses.length;
    };
    expect(await addresses(false)).toBe(0);
    expect(await addresses(true)).toBeGreaterThan(0);
  });

  it('reads the types of the kernel where they are as it does page by page, and so where it has to', async () => {
    const read = kernelLayout(readOwnBtf());
    expect(kernelLayout(readOwnBtf(await loadBpfCalls()))).toEqual(read);
    expect(kernelLayout(readOwnBtf({ map: () => null }))).toEqual(read);
  });

  it('says why it is not to be had', async () => {
    await expect(createOneLookCollector({ procRoot: '/nowhere', hasDetails: false })).rejects.toThrow(
      new EbpfUnavailableError(
        'pids',
        "/nowhere is not of the agent's own pid namespace, which is all that eBPF shows",
      ),
    );
  });

  async function look(hasDetails: boolean): Promise<Scan> {
    const collector: Collector = await createOneLookCollector({ hasDetails });
    try {
      return await collector.scan();
    } finally {
      collector.close();
    }
  }
});
