/** Bounds of ingest, and the times of its leases. */
import { sendWindowBatches, slotsMax } from '../../wire/agent-limits.ts';
import { maxMessageBytes } from '../../wire/protocol.ts';
import type { SnapshotStartLimits } from './snapshot-starts.ts';

export interface IngestLimits extends SnapshotStartLimits {
  /** Hosts known at a time, lost ones included; beyond it the host lost longest ago is forgotten, or a new one refused. */
  readonly hostsMax: number;
  /** Sockets of one host. */
  readonly slotsMax: number;
  /** From the start of a stream to its Hello. */
  readonly helloTimeoutMs: number;
  /** A host that said nothing for so long is stale. */
  readonly staleAfterMs: number;
  /** A host that said nothing for so long leaves the live view. */
  readonly lostAfterMs: number;
  /** Answers that wait for an agent that does not read them; beyond it the stream ends. */
  readonly unreadAnswersMax: number;
  /** Bytes of messages that wait for their turn, of all streams. */
  readonly waitingBytesMax: number;
  /** Bytes of a message, at most, as agents are asked to keep them. */
  readonly messageBytesMax: number;
}

export const defaultIngestLimits: IngestLimits = {
  hostsMax: 20_000,
  slotsMax,
  helloTimeoutMs: 10_000,
  staleAfterMs: 40_000,
  lostAfterMs: 5 * 60_000,
  unreadAnswersMax: 4096,
  snapshotsPerSecond: 100,
  snapshotsAtOnce: 50,
  waitingBytesMax: 1 << 29,
  messageBytesMax: maxMessageBytes,
};

/**
 * Epochs of one agent of which it is remembered which sockets were told: more than the messages that it tells out of its spool
 * ahead of their acknowledgement, so that whatever comes again is known.
 */
export const toldEpochsMax = 2 * sendWindowBatches;

/**
 * Ranges of numbers by which the sockets of one epoch are remembered, and about as many of all epochs before. A hole stands for
 * sockets that were not told: those that wait in the spool of the agent, between others that were there for longer.
 */
export const toldRangesMax = 1 << 14;

/** The same of its gaps, which are rarely told out of their order. */
export const toldGapsMax = 1 << 8;

/** Sockets that were gone when another run of their agent came in: of so many it is known, should its spool tell of them. */
export const vanishedMax = 1 << 14;

/**
 * Letters of all process definitions of one stream: 500 for each of as many processes as the wire allows. Each text may
 * be far longer, but not all of them.
 */
export const dictionaryTextMax = 1 << 27;

/** Addresses and host-local networks of all namespaces of one stream: 8 for each of as many as the wire allows. */
export const dictionaryAddressesMax = 1 << 17;

/** Two machines under one host id within this time of each other are said to be two. */
export const duplicateWindowMs = 10 * 60_000;
