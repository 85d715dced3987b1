/** What the stream to the aggregator is made of, and what it is told of the agent. */
import type { Logger } from 'pino';
import type { Clock, Timers } from '../../model/timers.ts';
import type { Heartbeat, Hello } from '../../wire/agent-batch.ts';
import type { BatchBuilder } from './batch-builder.ts';
import type { Connect } from './connection.ts';
import type { GapLedger } from './gap-ledger.ts';
import type { PastMessages } from './past-messages.ts';
import type { SlotTable } from './slot-table.ts';

/** What a heartbeat reports of the agent beside the stream's own numbers. */
export type Vitals = Omit<Heartbeat, 'unixMs' | 'monotonicMs' | 'roundTripMs'>;

export interface StreamOptions {
  /** HOST:PORT of the aggregator. */
  readonly server: string;
  readonly connect: Connect;
  /** Who this agent is; the stream numbers its sessions itself. */
  readonly hello: () => Omit<Hello, 'protocol' | 'session'>;
  readonly vitals: () => Vitals;
  readonly slots: SlotTable;
  readonly builder: BatchBuilder;
  readonly gaps: GapLedger;
  /** What is past, and told beside the slot table once the aggregator is in step. Default: nothing. */
  readonly past?: PastMessages | null;
  readonly clock: Clock;
  /** Default: those of this process. */
  readonly timers?: Timers;
  /** 0 <= random() < 1. */
  readonly random: () => number;
  readonly log: Logger;
  /** Whether plaintext may go to an endpoint that the aggregator names. */
  readonly acceptsEndpoint: (endpoint: string) => boolean;
  /** The aggregator asks for scans this far apart, at least. */
  readonly onThrottle: (minIntervalMs: number) => void;
}
