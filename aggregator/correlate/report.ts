/**
 * What ingest hands to correlation: hosts, and the sockets they report. Declared here, where it is consumed.
 *
 * Ingest owns these objects and changes them in place; identity is by object. Correlation reads them.
 */
import type { HostState } from '../../model/document.ts';
import type { Endpoint } from '../../model/endpoint.ts';
import type { FourTuple } from '../../model/four-tuple.ts';
import type { Netns } from '../../model/netns.ts';
import type { Owner, Process } from '../../model/process.ts';
import type { SocketCounters } from '../../model/socket-counters.ts';
import type { Protocol, SocketState } from '../../model/socket-state.ts';
import type { Translation } from '../../model/translation.ts';
import type { CounterColumns, GrownColumns } from '../../wire/agent-batch.ts';

/** An interval that a host did not watch, or whose events were dropped. Unix milliseconds, aggregator's clock. */
export interface HostGap {
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: string;
  /** 0 = unknown. */
  readonly lostEvents: number;
}

export interface ReportingHost {
  readonly id: string;
  name: string;
  realm: string;
  labels: ReadonlyMap<string, string>;
  state: HostState;
  collector: string;
  /** How its agent hears of connections between two scans; empty = it does not. */
  events: string;
  cannotSee: readonly string[];
  agentVersion: string;
  intervalMs: number;
  /** Current namespaces by inode. */
  readonly netns: Map<number, Netns>;
  /** By when they began, at most hostGapsMax: see aggregator/ingest/host-gaps.ts. */
  gaps: readonly HostGap[];
  lostEvents: number;
  /** Aggregator's clock. */
  lastSeenMs: number;
  /** Up to when its last message told what there was, and the one before; on the aggregator's clock, 0 = nothing yet. */
  asOfMs: number;
  asOfBeforeMs: number;
  /** Since when it is not live, aggregator's clock; null while it is live. */
  awaySinceMs: number | null;
  /** Agent's clock minus ours; null before the first heartbeat round trip. */
  clockOffsetMs: number | null;
  /** By how much that may be wrong, and so times of two hosts beside each other; null before the first round trip. */
  clockDoubtMs: number | null;
}

/** Gaps of one host in an answer. */
export const hostGapsMax = 64;

/** A socket as its host reports it now. Times are on the aggregator's clock (the agent's, less its offset). */
export interface ReportedSocket {
  readonly host: ReportingHost;
  /** Inode of its namespace; a key into host.netns. */
  readonly netns: number;
  readonly protocol: Protocol;
  /** The agent's number for it, unique with the agent's epoch. */
  readonly id: string;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly uid: number;
  readonly openedAtMs: number;
  /** It was opened after this; 0 = unknown. */
  readonly notBeforeMs: number;
  /** When the message that told of it came, on the aggregator's clock that never steps: what is made of it is timed by this. */
  readonly acceptedMs: number;
  state: SocketState;
  inode: number;
  /** The owners it has, or the last it was seen with. Empty = never seen with one. */
  owners: readonly Owner[];
  /** How conntrack of its host sees it; null where that told nothing. */
  translation: Translation | null;
  /** The kernel's counters as last told; null where they were not. */
  counters: SocketCounters | null;
  /** The socket itself is connected to no one; conntrack of its host tells of this peer. */
  readonly byConntrack: boolean;
  /** null while it is there. */
  closedAtMs: number | null;
  /** Correlation's own, which ingest leaves alone: where it finds a socket that it keeps in the core; 0 = nowhere there. */
  token?: number | undefined;
}

/** A translated conversation that a host passes on, between two others. */
export interface ReportedFlow {
  readonly host: ReportingHost;
  readonly protocol: Protocol;
  /** Inode of the namespace that translates. */
  readonly netns: number;
  /** As it comes in: `local` is who dials, `remote` what it dials. */
  readonly dialed: FourTuple;
  /** As it goes out: `local` is whom the server sees, `remote` the server. */
  readonly forwarded: FourTuple;
  readonly openedAtMs: number;
}

/** Sockets that one message opens, a value for each: established, TCP over IPv4, of one process, untranslated, not to themselves. */
export interface OpenedColumns {
  readonly count: number;
  readonly slot: Int32Array;
  /** Addresses as signed numbers, none of them of 240.0.0.0/4. */
  readonly local: Int32Array;
  readonly remote: Int32Array;
  /** local << 16 | remote. */
  readonly ports: Int32Array;
  readonly inode: Uint32Array;
  readonly uid: Uint32Array;
  /** 0xffffffff = unknown. */
  readonly fd: Uint32Array;
  /** The agent's numbers. */
  readonly id: Float64Array;
  /** As in ReportedSocket. */
  readonly openedAtMs: Float64Array;
  readonly notBeforeMs: Float64Array;
  readonly netns: readonly number[];
  readonly processes: readonly Process[];
  /** Of all. */
  readonly acceptedMs: number;
}

/** What one message tells of counters: as they are, and what they have grown by, 0 for a round trip that is as before. */
export interface CountedColumns {
  readonly counters: CounterColumns;
  readonly grown: GrownColumns;
}

/**
 * The sockets of one host that correlation keeps as columns, so that nobody holds an object for them (docs/engine.md): an
 * agent's slot stands for each. What else there is to tell of one than what stands here is told of the object that it is made
 * for that; it may be kept again afterwards.
 */
export interface KeptSockets {
  readonly size: number;
  /** Slots of all that are kept, ascending. They may be restored meanwhile. */
  slots(): Iterable<number>;
  /** The agent's number of the one in that slot; -1 where none is. */
  idAt(slot: number): number;
  /**
   * Whether the one in the slot of an opened one is that one, of that number, with the same inode, owner and fd.
   * @param isSame whether a process that is known is the one that is told
   */
  isAs(opened: OpenedColumns, at: number, isSame: (known: Process, told: Process) => boolean): boolean;
  /**
   * Opens sockets [from, to) that nobody has told, as far as they are plain.
   * @param epoch as in `keep`
   * @returns 1 for each that is kept, or was, and 0 for those that are to be told as objects; until the next call
   */
  open(
    opened: OpenedColumns,
    part: { readonly from: number; readonly to: number },
    epoch: string,
    nowMs: number,
  ): Uint8Array;
  /**
   * Keeps one that was told, if it is plain: whoever told it forgets the object.
   * @param slot that is no other's. @param id the agent's number, of which `epoch` and this make that of the socket
   * @returns whether it does
   */
  keep(
    socket: ReportedSocket,
    as: { readonly slot: number; readonly id: number; readonly epoch: string },
  ): boolean;
  /** Keeps it no longer. @returns the socket as an object; undefined where none is kept in that slot */
  restore(slot: number): ReportedSocket | undefined;
  /** Counts those that are kept. @returns the rows of all others, counted through both sections */
  countAll(counted: CountedColumns): number[];
  /**
   * @param isGrowth the counters are what those that it has have grown by
   * @returns whether it is kept: else it is to be told as an object, as is what the one below returns false for
   */
  count(slot: number, counters: SocketCounters, isGrowth: boolean): boolean;
  /** Those are about to be closed, one after the other: reads ahead what that touches. */
  fetch(closed: readonly { readonly slot: number }[]): void;
  /** @param closedAtMs not before it was opened, else it was closed as it was opened */
  close(slot: number, closedAtMs: number, nowMs: number): boolean;
}

/** Takes a socket that is not kept any more, since it is plain no longer. */
export type TakeBack = (slot: number, id: number, socket: ReportedSocket) => void;

/** Receives every change in the order in which one host's agent tells it. `nowMs` is the aggregator's clock. */
export interface SocketReports {
  /** Null where all sockets are to be told as objects. */
  kept(host: ReportingHost, left: TakeBack): KeptSockets | null;
  /** Of one that is past when it is told, out of the spool of its agent, `closedAtMs` is set; `closed` follows at once. */
  opened(socket: ReportedSocket, nowMs: number): void;
  /** State, inode or owners differ from `previousState` or from before; the object already has the new values. */
  changed(socket: ReportedSocket, previousState: SocketState, nowMs: number): void;
  closed(socket: ReportedSocket, nowMs: number): void;
  /** `socket.translation` is another one than `opened` or the last call showed. */
  translated(socket: ReportedSocket, nowMs: number): void;
  /** `socket.counters` are newer than `opened` or the last call showed. */
  counted(socket: ReportedSocket, nowMs: number): void;
  forwarded(flow: ReportedFlow, nowMs: number): void;
  /** The flow is over, or its host is lost. @param endedAtMs where it is told long after that */
  forwardEnded(flow: ReportedFlow, nowMs: number, endedAtMs?: number): void;
  /** Addresses, networks, name, labels or lifecycle state of a host became different, or it is new. */
  hostChanged(host: ReportingHost, nowMs: number): void;
  /** The host left the live view: all its sockets are withdrawn without having been seen closing. */
  hostLost(host: ReportingHost, sockets: Iterable<ReportedSocket>, nowMs: number): void;
}
