/** A host as it is kept beyond a run of the aggregator, plain for JSON: who it is, and what is known of its agent. */
import type { HostState } from '../../model/document.ts';
import type { Hello } from '../../wire/agent-batch.ts';
import { protocolVersion } from '../../wire/protocol.ts';
import type { HostGap, ReportingHost } from '../correlate/report.ts';
import type { SavedEpoch } from './told-sockets.ts';

export interface SavedHost {
  readonly id: string;
  readonly name: string;
  readonly realm: string;
  readonly labels: readonly (readonly [key: string, value: string])[];
  readonly state: HostState;
  readonly collector: string;
  readonly events: string;
  readonly cannotSee: readonly string[];
  readonly agentVersion: string;
  readonly intervalMs: number;
  readonly gaps: readonly HostGap[];
  readonly lastSeenMs: number;
  readonly awaySinceMs: number | null;
  readonly agent: SavedAgent;
}

/** See AgentRecord. */
export interface SavedAgent {
  readonly epoch: number;
  /** What of it was told. */
  readonly told: readonly SavedEpoch[];
  readonly lostBefore: number;
  readonly lostInEpoch: number;
  /** Of the run whose snapshot was applied last; null = none was. */
  readonly applied: AppliedRun | null;
  readonly table: SavedTable;
}

/** What tells runs of an agent, and those of its host, apart. */
export interface AppliedRun {
  readonly epoch: number;
  readonly bootId: string;
}

/** See AgentTable. */
export interface SavedTable {
  readonly epoch: number;
  readonly bootId: string;
}

/** @param cannotSee what its agent says of that */
export function saveHost(host: ReportingHost, cannotSee: readonly string[], agent: SavedAgent): SavedHost {
  return {
    id: host.id,
    name: host.name,
    realm: host.realm,
    labels: [...host.labels],
    state: host.state,
    collector: host.collector,
    events: host.events,
    cannotSee,
    agentVersion: host.agentVersion,
    intervalMs: host.intervalMs,
    gaps: host.gaps,
    lastSeenMs: host.lastSeenMs,
    awaySinceMs: host.awaySinceMs,
    agent,
  };
}

/** A Hello as its agent may have said it, of a host of which no stream is known. */
export function helloOfSaved(saved: SavedHost): Hello {
  return {
    protocol: protocolVersion,
    agentVersion: saved.agentVersion,
    hostId: saved.id,
    hostName: saved.name,
    realm: saved.realm,
    labels: new Map(saved.labels),
    bootId: saved.agent.table.bootId,
    epoch: saved.agent.epoch,
    session: 0,
    collector: saved.collector,
    cannotSee: saved.cannotSee,
    intervalMs: saved.intervalMs,
    kernel: '',
    events: saved.events,
    watchedUnixMs: 0,
  };
}
