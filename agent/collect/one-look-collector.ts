/**
 * The eBPF rung for whoever looks once, as `whotalks sockets` does: the programs of ebpf-collector.ts, but only those that
 * one scan takes, loaded in the quickest form, and nothing that a next scan would profit by.
 *
 *     scan        every socket that a process holds                    agent/bpf/socket-scan.ts
 *     ownerless   by sock_diag, whatever that scan has not shown        ownerless-sockets.ts
 *                 without what is established, where the kernel counts no more of it than the scan has shown
 *     scan        again, only where there is something of that kind which a process may have received meanwhile
 *     details     executables, containers, units, addresses: only if asked for   one-look-details.ts
 */

import { noContainer } from '../../model/container.ts';
import { defaultEphemeralPorts, type Netns } from '../../model/netns.ts';
import { type BpfCalls, loadBpfCalls } from '../bpf/bpf-calls.ts';
import { ConnectionWalk } from '../bpf/connection-walk.ts';
import { type KernelLayout, kernelLayout, readOwnBtf } from '../bpf/kernel-layout.ts';
import type { FoundSockets } from '../bpf/scan-maps.ts';
import { firstSizes, SocketScan } from '../bpf/socket-scan.ts';
import { slotsPerCall } from '../bpf/stack.ts';
import { TaskTable } from '../bpf/task-table.ts';
import { type Collector, malformedRowsMax, type Scan } from '../collector.ts';
import { loadLibc } from '../libc.ts';
import { isShown } from '../procfs/pids.ts';
import { inSlices, TimeSlice } from '../procfs/time-slice.ts';
import { ConnectionCount } from './connection-count.ts';
import { DiagTables } from './diag-tables.ts';
import { ebpfCannotSee } from './ebpf-cannot-see.ts';
import { expectSelf } from './ebpf-programs.ts';
import { asUnavailable } from './ebpf-unavailable.ts';
import { LookedSockets } from './looked-sockets.ts';
import type { Surroundings } from './one-look-details.ts';
import { expectOwnProc } from './own-proc.ts';
import { type OwnerlessQuestion, OwnerlessSockets, type OwnerlessTables } from './ownerless-sockets.ts';
import { readPrivilege } from './privilege.ts';
import type { ProcfsCollectorOptions } from './procfs-collector.ts';
import { taskNamespaces } from './task-namespaces.ts';

export interface OneLookOptions extends ProcfsCollectorOptions {
  /** Whether more is asked of a process than its pid, name and user, and anything of a namespace. */
  readonly hasDetails: boolean;
}

interface OneLookPrograms {
  readonly scan: SocketScan;
  readonly ownerless: OwnerlessSockets;
  readonly surroundings: Surroundings;
  /** Pid of the agent. */
  readonly self: number;
}

/** Throws EbpfUnavailableError where this way of collecting is not to be had. */
export async function createOneLookCollector(options: OneLookOptions): Promise<Collector> {
  const procRoot = options.procRoot ?? '/proc';
  const opened: { close(): void }[] = [];
  const open = <T extends { close(): void }>(one: T): T => {
    opened.push(one);
    return one;
  };
  try {
    const libc = await (options.loadLibc ?? loadLibc)();
    const calls = await loadBpfCalls();
    const self = expectOwnProc(procRoot);
    const btf = readOwnBtf(calls);
    const kernel = kernelLayout(btf);
    const scan = open(await SocketScan.open(calls, kernel, firstSizes, slotsPerCall.once));
    const ownerless = open(new OwnerlessSockets(new DiagTables(libc), walkOnDemand(calls, kernel)));
    const surroundings = options.hasDetails
      ? await (await import('./one-look-details.ts')).openSurroundings({
          calls,
          btf,
          kernel,
          pidLevel: scan.pidLevel,
          options,
        })
      : ownersOnly;
    return new OneLookCollector({ scan, ownerless, surroundings, self }, options);
  } catch (error) {
    for (const one of opened) one.close();
    throw asUnavailable(error);
  }
}

/** Most machines never need it: see OwnerlessSockets. */
function walkOnDemand(calls: BpfCalls, kernel: KernelLayout): Pick<ConnectionWalk, 'run' | 'close'> {
  let walk: ConnectionWalk | null = null;
  return {
    run: async (isThorough) => {
      walk ??= await ConnectionWalk.open(calls, kernel);
      return walk.run(isThorough);
    },
    close: () => walk?.close(),
  };
}

/** Nothing is asked for, so nothing is missing. */
const ownersOnly: Surroundings = {
  refresh: () => Promise.resolve(),
  processOf: ({ pid, startTicks, comm, uid }) => {
    return {
      pid,
      startTicks,
      comm,
      uid,
      exe: null,
      cmdline: null,
      program: null,
      user: null,
      unit: null,
      ...noContainer,
    };
  },
  describe: (entrances) => Promise.resolve([...entrances.keys()].map(unknownNetns)),
  blindness: {
    interfaces: { host: null, others: null },
    names: { refused: 0, source: null },
    details: { isLooking: true, unplacedProcesses: 0 },
  },
  close: () => {},
};

function unknownNetns(inode: number): Netns {
  return { inode, isHost: false, addresses: [], localNetworks: [], ephemeralPorts: defaultEphemeralPorts };
}

/** Scans reject with BpfError, or with Node's own error where the machine itself fails. */
class OneLookCollector implements Collector {
  readonly name = 'ebpf';
  readonly #programs: OneLookPrograms;
  readonly #procRoot: string;
  readonly #sliceMs: number | undefined;

  constructor(programs: OneLookPrograms, { procRoot = '/proc', sliceMs }: OneLookOptions) {
    this.#programs = programs;
    this.#procRoot = procRoot;
    this.#sliceMs = sliceMs;
  }

  async scan(): Promise<Scan> {
    const { scan, ownerless, surroundings, self } = this.#programs;
    const startedAtMs = Date.now();
    const slice = new TimeSlice(this.#sliceMs);
    const count = ConnectionCount.begin();
    let found = await scan.run();
    expectSelf(found.tasks, this.#procRoot, self);
    const namespaces = taskNamespaces(new TaskTable(found.tasks), this.#procRoot, self);
    await surroundings.refresh(found);
    let looked = await this.#read(found, slice);
    const isHeld = (inode: number): boolean => looked.holds(inode);
    const holdsEstablished = (netns: number): boolean => {
      return netns === count?.netns && count.isStill(looked.established(netns));
    };
    const nowMs = performance.now();
    const question = { namespaces, signs: anything, isHeld, holdsEstablished, nowMs };
    const tables = await ownerless.read(question, slice);
    if (mayBeHeld(tables)) {
      found = await scan.run();
      await surroundings.refresh(found);
      looked = await this.#read(found, slice);
    }
    const held = { fresh: looked.sockets, released: [], holds: isHeld };
    const netns = await surroundings.describe(namespaces.entrances, slice);
    return {
      startedAtMs,
      finishedAtMs: Date.now(),
      sockets: looked.sockets.concat(ownerless.besides(held)),
      netns,
      scannedNetns: new Set(netns.map(({ inode }) => inode)),
      malformed: [...looked.malformed, ...tables.read.flatMap(({ malformed }) => malformed)].slice(
        0,
        malformedRowsMax,
      ),
      malformedTotal: tables.read.reduce(
        (sum, { malformedTotal }) => sum + malformedTotal,
        looked.malformedTotal,
      ),
      cannotSee: ebpfCannotSee({
        privilege: readPrivilege(this.#procRoot),
        hidesOthers: !isShown(this.#procRoot, 1),
        found,
        tables,
        ...surroundings.blindness,
      }),
    };
  }

  close(): void {
    const { scan, ownerless, surroundings } = this.#programs;
    for (const one of [scan, ownerless, surroundings]) one.close();
  }

  async #read(found: FoundSockets, slice: TimeSlice): Promise<LookedSockets> {
    const looked = new LookedSockets(found);
    await inSlices(
      looked.read((task) => this.#programs.surroundings.processOf(task)),
      slice,
    );
    return looked;
  }
}

/** There is no earlier scan to tell what need not be looked for. */
const anything: OwnerlessQuestion['signs'] = { isPassing: true, hasAcceptQueue: true, counts: null };

/** What has an inode may have got a file since the scan. */
function mayBeHeld({ read }: OwnerlessTables): boolean {
  return read.some((table) => table.parts().some((rows) => rows.some(({ inode }) => inode !== 0)));
}
