/** The answer about the aggregator itself. */
import type { AboutDocument, DataDocument } from '../../model/document.ts';
import { packageVersion } from '../../model/version.ts';
import { apiVersion } from '../../wire/protocol.ts';
import type { BusState } from '../cluster/bus.ts';
import type { Kept } from '../journal/keeping.ts';
import { formatTime } from './documents.ts';

export interface AboutSources {
  readonly sinceMs: number;
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly insecure: boolean;
  readonly bus: { readonly name: string; state(): BusState };
  /** null = nothing outlives this run. */
  readonly kept: Pick<Kept, 'folder' | 'journal'> | null;
}

/** @param now unix milliseconds */
export function aboutDocument(sources: AboutSources, now: number): AboutDocument {
  const { sinceMs, grpcAddress, httpAddress, insecure, bus, kept } = sources;
  const state = bus.state();
  return {
    apiVersion,
    asOf: formatTime(now),
    version: packageVersion,
    since: formatTime(sinceMs),
    grpcAddress,
    httpAddress,
    insecure,
    bus: { name: bus.name, ...state, since: formatTime(state.since) },
    data: dataDocument(kept),
  };
}

function dataDocument(kept: AboutSources['kept']): DataDocument {
  if (kept === null) return { folder: null, state: 'memory', since: null, error: null, bytes: 0 };
  const { folder, journal } = kept;
  const { state } = journal;
  const bytes = journal.segments.bytes;
  if (state.kind === 'writing' || state.kind === 'closed')
    return { folder, state: 'durable', since: null, error: null, bytes };
  const error = state.kind === 'failing' ? state.error.message : 'the disk does not answer';
  return { folder, state: 'failing', since: formatTime(state.sinceMs), error, bytes };
}
