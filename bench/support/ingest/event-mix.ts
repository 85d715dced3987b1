/**
 * The events of a message, once as the columns of the wire and once as rows that each tell everything by themselves: the
 * same sockets, owners, times and counters in both. The same for the same mix.
 */
import { noContainer } from '../../../model/container.ts';
import type { Process } from '../../../model/process.ts';
import { type AgentBatch, agentBatch } from '../../../wire/agent-batch.ts';
import { ipv4FromNumber, packMeta, packPorts } from '../../../wire/packing.ts';

/** Events of each kind in one message. */
export interface Mix {
  readonly opens: number;
  readonly closes: number;
  readonly counts: number;
}

export const mixes = {
  /** What agents tell that each second replace 2 % of 2,000 sockets and count 400. */
  tick: { opens: 83, closes: 83, counts: 834 },
  /** What a snapshot tells. */
  opens: { opens: 1000, closes: 0, counts: 0 },
} as const satisfies Record<string, Mix>;
export type MixName = keyof typeof mixes;

/** An event as naive-events.proto has it, under the names that proto-loader gives its fields. */
export interface NaiveEvent {
  readonly kind: 'KIND_OPEN' | 'KIND_CLOSE' | 'KIND_COUNT';
  readonly protocol: 'tcp';
  readonly state: 'established' | 'closed';
  readonly localIp: string;
  readonly localPort: number;
  readonly remoteIp: string;
  readonly remotePort: number;
  readonly netns: number;
  readonly inode: number;
  readonly uid: number;
  readonly fd: number;
  readonly owner: Readonly<Record<string, string | number | null>>;
  readonly atUnixMs: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly rttUs: number;
  readonly retransmits: number;
}

const baseUnixMs = 1_790_000_000_000;
const netnsInode = 4026531840;
const sockets = 2000;
/** A socket is counted in every other message, or in none: one message has half of all sockets. */
export const lookTurns = 2;
const processes = 40;
/** Processes that each message defines: most of what opens belongs to one that was there before. */
const definedPerMessage = 2;

interface Socket {
  readonly slot: number;
  readonly local: number;
  readonly remote: number;
  readonly localPort: number;
  readonly remotePort: number;
  /** 1 and up. */
  readonly process: number;
  readonly inode: number;
  readonly fd: number;
}

/** @param number tells messages of one mix apart */
export function columnsOf(mix: Mix, number: number): AgentBatch {
  const { opened, closed, counted } = socketsOf(mix, number);
  const each = (list: readonly Socket[], value: (socket: Socket, i: number) => number): number[] =>
    list.map(value);
  return agentBatch({
    seq: number + 1,
    baseUnixMs,
    processes: Array.from({ length: definedPerMessage }, (_, i) => {
      const id = ((number * definedPerMessage + i) % processes) + 1;
      return { id, process: processOf(id) };
    }),
    opens: {
      slot: each(opened, ({ slot }) => slot),
      localAddress: each(opened, ({ local }) => local),
      remoteAddress: each(opened, ({ remote }) => remote),
      ports: each(opened, ({ localPort, remotePort }) => packPorts(localPort, remotePort)),
      meta: each(opened, () =>
        packMeta({ protocol: 'tcp', state: 'established', v6: false, byConntrack: false }),
      ),
      netns: each(opened, () => 1),
      inode: each(opened, ({ inode }) => inode),
      uid: each(opened, () => 1000),
      process: each(opened, ({ process }) => process),
      fd: each(opened, ({ fd }) => fd),
      ageMs: each(opened, (_, i) => i % 1000),
      unseenMs: each(opened, () => 1000),
      id: each(opened, ({ inode }) => inode),
    },
    closes: { slot: each(closed, ({ slot }) => slot), ageMs: each(closed, (_, i) => i % 1000) },
    grown: {
      slot: each(counted, ({ slot }) => slot),
      sent: each(counted, (socket) => lookTurns * sentPerTurn(socket)),
      received: each(counted, (socket) => lookTurns * receivedPerTurn(socket)),
      rttUs: each(counted, rttOf),
    },
  });
}

/** The same events as rows. */
export function rowsOf(mix: Mix, number: number): NaiveEvent[] {
  const { opened, closed, counted } = socketsOf(mix, number);
  const row = (kind: NaiveEvent['kind'], socket: Socket, i: number): NaiveEvent => ({
    kind,
    protocol: 'tcp',
    state: kind === 'KIND_CLOSE' ? 'closed' : 'established',
    localIp: ipv4FromNumber(socket.local),
    localPort: socket.localPort,
    remoteIp: ipv4FromNumber(socket.remote),
    remotePort: socket.remotePort,
    netns: netnsInode,
    inode: socket.inode,
    uid: 1000,
    fd: socket.fd,
    owner: ownerOf(processOf(socket.process)),
    atUnixMs: baseUnixMs - (kind === 'KIND_COUNT' ? 0 : i % 1000),
    bytesSent: kind === 'KIND_COUNT' ? 1_000_000 + number * sentPerTurn(socket) : 0,
    bytesReceived: kind === 'KIND_COUNT' ? 40_000_000 + number * receivedPerTurn(socket) : 0,
    rttUs: kind === 'KIND_COUNT' ? rttOf(socket) : 0,
    retransmits: 0,
  });
  return [
    ...opened.map((socket, i) => row('KIND_OPEN', socket, i)),
    ...closed.map((socket, i) => row('KIND_CLOSE', socket, i)),
    ...counted.map((socket, i) => row('KIND_COUNT', socket, i)),
  ];
}

/** The sockets of one message by what is told of them. */
interface Told {
  readonly opened: readonly Socket[];
  readonly closed: readonly Socket[];
  readonly counted: readonly Socket[];
}

function socketsOf({ opens, closes, counts }: Mix, number: number): Told {
  const from = number * (opens + closes + counts);
  const list = (first: number, count: number): Socket[] =>
    Array.from({ length: count }, (_, i) => socketOf((first + i) % sockets));
  return {
    opened: list(from, opens),
    closed: list(from + opens, closes),
    counted: list(from + opens + closes, counts),
  };
}

function socketOf(slot: number): Socket {
  return {
    slot,
    local: 0x0a014007,
    remote: 0x0a020000 + ((slot * 7919) % 65_000),
    localPort: 32768 + slot,
    remotePort: 5432 + (slot % 8),
    process: (slot % processes) + 1,
    inode: 2_305_224_138 + slot,
    fd: 7 + (slot % 200),
  };
}

/** Bytes of a socket from one message to the next. */
function sentPerTurn({ slot }: Socket): number {
  return 977 + 13 * slot;
}

function receivedPerTurn({ slot }: Socket): number {
  return 65_537 + 4099 * slot;
}

/** Of each socket another one than when it was told last. */
function rttOf({ slot }: Socket): number {
  return 150 + (slot % 400);
}

/** Every second one runs in a container, the others in a unit of systemd. */
function processOf(id: number): Process {
  const name = `checkout-${id}`;
  const isContained = id % 2 === 0;
  return {
    ...noContainer,
    pid: 25_000 + id,
    startTicks: 912_345_678 + id,
    comm: name,
    exe: `/usr/local/bin/${name}`,
    cmdline: `/usr/local/bin/${name} --config /etc/shop/checkout.yaml`,
    program: null,
    uid: 1000,
    user: 'shop',
    container: isContained ? id.toString(16).padStart(64, '3f9a') : null,
    unit: isContained ? null : `${name}.service`,
    pod: null,
    runtime: isContained ? 'docker' : null,
    containerName: isContained ? `shop-${name}` : null,
  };
}

function ownerOf(process: Process): NaiveEvent['owner'] {
  const { pid, startTicks, comm, exe, cmdline, user, unit, container, runtime, containerName } = process;
  return { pid, startTicks, comm, exe, cmdline, user, unit, container, runtime, containerName };
}
