/** What ingest has done since the aggregator started; for metrics. */
export interface IngestCounters {
  messages: number;
  /** Rows applied: of snapshots, and opened, closed, updated and reowned. */
  rows: number;
  snapshots: number;
  /** Sockets out of spools that were told on, and such as had been told before. */
  spooled: number;
  spooledAgain: number;
  /** Messages answered by Nack. */
  refusedMessages: number;
  /** Snapshots asked for because a message was missing or did not fit. */
  resyncs: number;
  /** Agents that were told to wait with their first snapshot. */
  delayed: number;
  /** Streams that were ended because of a fault of this program. */
  faults: number;
}

export function newIngestCounters(): IngestCounters {
  return {
    messages: 0,
    rows: 0,
    snapshots: 0,
    spooled: 0,
    spooledAgain: 0,
    refusedMessages: 0,
    resyncs: 0,
    delayed: 0,
    faults: 0,
  };
}
