/** The columns of a message as rows that stand for themselves: ids resolved, times on the aggregator's clock. */
import type { Endpoint } from '../../model/endpoint.ts';
import type { Owner, Process } from '../../model/process.ts';
import type { Protocol, SocketState } from '../../model/socket-state.ts';
import type { AgentBatch, OwnerColumns } from '../../wire/agent-batch.ts';
import { ipv4FromNumber, unpackMeta, unpackPorts } from '../../wire/packing.ts';
import { neverLooked } from '../../wire/protocol.ts';
import { WireError } from '../../wire/wire-error.ts';
import type { ClockOffset } from './clock-offset.ts';
import type { StreamDictionary } from './dictionary.ts';

/** A socket as one message opens it, and closes it where both stand in the same message. */
export interface OpenedRow {
  readonly slot: number;
  /** The agent's number, unique within its epoch. */
  readonly id: number;
  readonly protocol: Protocol;
  readonly state: SocketState;
  /** Inode of its namespace. */
  readonly netns: number;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly inode: number;
  readonly uid: number;
  readonly owners: readonly Owner[];
  readonly openedAtMs: number;
  /** 0 = unknown. */
  readonly notBeforeMs: number;
  closedAtMs: number | null;
}

export interface ClosedRow {
  readonly slot: number;
  readonly closedAtMs: number;
}

export interface UpdatedRow {
  readonly slot: number;
  /** Kernel number; the protocol of the slot says which state it is. */
  readonly state: number;
  readonly inode: number;
}

export interface ReownedRow {
  readonly slot: number;
  readonly owners: readonly Owner[];
}

export interface MessageRows {
  /** In the order in which the agent saw them. */
  readonly opened: readonly OpenedRow[];
  /** Of slots that were opened by earlier messages. */
  readonly closed: readonly ClosedRow[];
  readonly updated: readonly UpdatedRow[];
  readonly reowned: readonly ReownedRow[];
}

/** Throws WireError for ids that are not in the dictionary, and for a slot that one message opens twice. */
export function resolveRows(
  batch: AgentBatch,
  dictionary: StreamDictionary,
  clock: ClockOffset,
  nowMs: number,
): MessageRows {
  const pairs = pairsBySlot(batch.owners);
  const toOurs = (agentUnixMs: number): number => clock.toOurs(agentUnixMs, nowMs);
  const opened = new Map<number, OpenedRow>();
  for (let row = 0; row < batch.opens.slot.length; row++) {
    const open = resolveOpen(batch, row, pairs, dictionary, toOurs);
    if (opened.has(open.slot)) throw new WireError('bad-slot', `slot ${open.slot} is opened twice`);
    opened.set(open.slot, open);
  }
  const closed: ClosedRow[] = [];
  for (let row = 0; row < batch.closes.slot.length; row++) {
    const slot = batch.closes.slot[row]!;
    const closedAtMs = toOurs(batch.baseUnixMs - batch.closes.ageMs[row]!);
    const openedHere = opened.get(slot);
    if (openedHere === undefined) closed.push({ slot, closedAtMs });
    else openedHere.closedAtMs = Math.max(openedHere.openedAtMs, closedAtMs);
  }
  return {
    opened: [...opened.values()],
    closed,
    updated: Array.from(batch.updates.slot, (slot, row) => ({
      slot,
      state: batch.updates.state[row]!,
      inode: batch.updates.inode[row]!,
    })),
    reowned: Array.from(batch.reownedSlots, (slot) => ({
      slot,
      owners: resolveOwners(pairs.get(slot) ?? [], dictionary),
    })),
  };
}

type Pair = readonly [process: number, fd: number];

function pairsBySlot(owners: OwnerColumns): Map<number, Pair[]> {
  const pairs = new Map<number, Pair[]>();
  for (let row = 0; row < owners.slot.length; row++) {
    const pair: Pair = [owners.process[row]!, owners.fd[row]!];
    const known = pairs.get(owners.slot[row]!);
    if (known === undefined) pairs.set(owners.slot[row]!, [pair]);
    else known.push(pair);
  }
  return pairs;
}

function resolveOpen(
  batch: AgentBatch,
  row: number,
  pairs: ReadonlyMap<number, Pair[]>,
  dictionary: StreamDictionary,
  toOurs: (agentUnixMs: number) => number,
): OpenedRow {
  const { opens } = batch;
  const slot = opens.slot[row]!;
  const { protocol, state, v6 } = unpackMeta(opens.meta[row]!)!;
  const ports = unpackPorts(opens.ports[row]!);
  const ip = (address: number) => (v6 ? dictionary.address(address) : ipv4FromNumber(address));
  const first: Pair[] = opens.process[row] === 0 ? [] : [[opens.process[row]!, opens.fd[row]!]];
  const openedUnixMs = batch.baseUnixMs - opens.ageMs[row]!;
  const unseenMs = opens.unseenMs[row]!;
  return {
    slot,
    id: opens.id[row]!,
    protocol,
    state,
    netns: dictionary.netns(opens.netns[row]!).inode,
    local: { ip: ip(opens.localAddress[row]!), port: ports.local },
    remote: { ip: ip(opens.remoteAddress[row]!), port: ports.remote },
    inode: opens.inode[row]!,
    uid: opens.uid[row]!,
    owners: resolveOwners([...first, ...(pairs.get(slot) ?? [])], dictionary),
    openedAtMs: toOurs(openedUnixMs),
    notBeforeMs: unseenMs === neverLooked ? 0 : toOurs(openedUnixMs - unseenMs),
    closedAtMs: null,
  };
}

/** Pairs of (process, fd) as owners by pid, each with its fds in order. */
function resolveOwners(pairs: readonly Pair[], dictionary: StreamDictionary): Owner[] {
  const fdsByProcess = new Map<Process, number[]>();
  for (const [id, fd] of pairs) {
    const process = dictionary.process(id);
    const fds = fdsByProcess.get(process);
    if (fds === undefined) fdsByProcess.set(process, [fd]);
    else fds.push(fd);
  }
  return Array.from(fdsByProcess, ([process, fds]) => ({
    process,
    fds: fds.sort((a, b) => a - b),
  })).sort((a, b) => a.process.pid - b.process.pid);
}
