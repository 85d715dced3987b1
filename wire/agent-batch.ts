/**
 * What one AgentMessage says, as plain values of the model and columns of numbers: the form in which both ends of the
 * wire build and read messages. How it looks in bytes is the matter of agent-message.ts alone.
 */
import type { IpAddress } from '../model/ip.ts';
import type { Netns } from '../model/netns.ts';
import type { Process } from '../model/process.ts';

/** Unsigned 32-bit numbers. Those of a decoder are in its own memory, and gone when it decodes the next message. */
export type U32Column = ArrayLike<number>;

/** The rows of one section: columns of equal length, one entry per row. */
export interface OpenColumns {
  readonly slot: U32Column;
  /** IPv4 as a number, or an address id where meta says v6. */
  readonly localAddress: U32Column;
  readonly remoteAddress: U32Column;
  /** See packing.ts. */
  readonly ports: U32Column;
  /** See packing.ts; the decoder lets only known protocols and states pass. */
  readonly meta: U32Column;
  /** Netns dictionary id. */
  readonly netns: U32Column;
  readonly inode: U32Column;
  readonly uid: U32Column;
  /** Process dictionary id of the first owner; 0 = no owner. */
  readonly process: U32Column;
  readonly fd: U32Column;
  /** Milliseconds before baseUnixMs. */
  readonly ageMs: U32Column;
  /** Milliseconds; neverLooked when nobody looked before. */
  readonly unseenMs: U32Column;
  /** Below 2^53. */
  readonly id: ArrayLike<number>;
}

export interface CloseColumns {
  readonly slot: U32Column;
  readonly ageMs: U32Column;
}

export interface UpdateColumns {
  readonly slot: U32Column;
  /** Kernel number; which ones exist depends on the protocol of the slot. */
  readonly state: U32Column;
  readonly inode: U32Column;
}

export interface OwnerColumns {
  readonly slot: U32Column;
  readonly process: U32Column;
  readonly fd: U32Column;
}

/** One row per slot; see NAT in the proto file. */
export interface NatColumns {
  readonly slot: U32Column;
  /** Of natRoles. */
  readonly role: U32Column;
}

/** The stages of the slots in NatColumns, those of one slot from the socket outward. */
export interface StageColumns {
  readonly slot: U32Column;
  /** As in OpenColumns. */
  readonly localAddress: U32Column;
  readonly remoteAddress: U32Column;
  readonly ports: U32Column;
  /** 1 = address ids. */
  readonly v6: U32Column;
}

export interface CounterColumns {
  readonly slot: U32Column;
  /** Below 2^53. */
  readonly sent: ArrayLike<number>;
  readonly received: ArrayLike<number>;
  readonly rttUs: U32Column;
  readonly retransmits: U32Column;
}

/** What the counters of a slot have grown by since they were told last on this stream; see GROWN in the proto file. */
export interface GrownColumns {
  readonly slot: U32Column;
  readonly sent: U32Column;
  readonly received: U32Column;
  /** The round trip itself; 0 = as before. */
  readonly rttUs: U32Column;
}

export interface Hello {
  readonly protocol: number;
  readonly agentVersion: string;
  readonly hostId: string;
  readonly hostName: string;
  readonly realm: string;
  readonly labels: ReadonlyMap<string, string>;
  /** Empty where the agent could not read it. */
  readonly bootId: string;
  readonly epoch: number;
  readonly session: number;
  readonly collector: string;
  readonly cannotSee: readonly string[];
  readonly intervalMs: number;
  readonly kernel: string;
  /** How the agent hears of connections between two scans; empty = it does not. */
  readonly events: string;
  /** Up to when earlier runs of the agent have told all that was over, or keep it; 0 = it does not know. */
  readonly watchedUnixMs: number;
}

export interface Heartbeat {
  readonly unixMs: number;
  readonly monotonicMs: number;
  /** Of the heartbeat before this one; 0 = none yet. */
  readonly roundTripMs: number;
  readonly openSockets: number;
  readonly lostEvents: number;
  readonly malformedRows: number;
  readonly scanMs: number;
  readonly cannotSee: readonly string[];
  /** Which rung reads the sockets now; empty = the one of Hello. */
  readonly collector: string;
  /** Between two scans, as they are made now; 0 = as Hello says. */
  readonly intervalMs: number;
}

/** Unix milliseconds, agent's clock. */
export interface Gap {
  /** One higher for each gap within an epoch; a gap told again keeps it. */
  readonly id: number;
  readonly reason: string;
  readonly fromUnixMs: number;
  readonly toUnixMs: number;
  /** 0 = unknown. */
  readonly lostEvents: number;
}

/** An entry of a per-stream dictionary. Ids are 1 and up. */
export interface ProcessDefinition {
  readonly id: number;
  readonly process: Process;
}

export interface NetnsDefinition {
  readonly id: number;
  readonly netns: Netns;
}

export interface AddressDefinition {
  readonly id: number;
  readonly ip: IpAddress;
}

export interface AgentBatch {
  /** 0 for messages without rows. */
  readonly seq: number;
  readonly baseUnixMs: number;
  /** Bits of messageFlags. */
  readonly flags: number;
  /** Out of the spool: the epoch that it is of; 0 = it tells of now. */
  readonly spooledEpoch: number;
  readonly hello: Hello | null;
  readonly heartbeat: Heartbeat | null;
  readonly gaps: readonly Gap[];
  readonly processes: readonly ProcessDefinition[];
  readonly netns: readonly NetnsDefinition[];
  readonly addresses: readonly AddressDefinition[];
  /** Dropped after the rows of this message are applied. */
  readonly droppedProcesses: U32Column;
  readonly droppedNetns: U32Column;
  readonly opens: OpenColumns;
  readonly closes: CloseColumns;
  readonly updates: UpdateColumns;
  /** Slots whose whole list of owners stands in `owners`. */
  readonly reownedSlots: U32Column;
  /** Further owners of the slots opened here, and all owners of the reowned ones. */
  readonly owners: OwnerColumns;
  readonly nat: NatColumns;
  readonly stages: StageColumns;
  /** Of no slot that is in `grown`. */
  readonly counters: CounterColumns;
  readonly grown: GrownColumns;
}

/** The sections of a message without rows. */
export const noRows = {
  opens: {
    slot: [],
    localAddress: [],
    remoteAddress: [],
    ports: [],
    meta: [],
    netns: [],
    inode: [],
    uid: [],
    process: [],
    fd: [],
    ageMs: [],
    unseenMs: [],
    id: [],
  },
  closes: { slot: [], ageMs: [] },
  updates: { slot: [], state: [], inode: [] },
  owners: { slot: [], process: [], fd: [] },
  nat: { slot: [], role: [] },
  stages: { slot: [], localAddress: [], remoteAddress: [], ports: [], v6: [] },
  counters: { slot: [], sent: [], received: [], rttUs: [], retransmits: [] },
  grown: { slot: [], sent: [], received: [], rttUs: [] },
} as const;

/** A message that says nothing but `parts`. */
export function agentBatch(parts: Partial<AgentBatch>): AgentBatch {
  return {
    seq: 0,
    baseUnixMs: 0,
    flags: 0,
    spooledEpoch: 0,
    hello: null,
    heartbeat: null,
    gaps: [],
    processes: [],
    netns: [],
    addresses: [],
    droppedProcesses: [],
    droppedNetns: [],
    reownedSlots: [],
    ...noRows,
    ...parts,
  };
}
