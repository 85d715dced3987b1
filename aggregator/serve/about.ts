/** The answer about the aggregator itself. */
import type { AboutDocument } from '../../model/document.ts';
import { packageVersion } from '../../model/version.ts';
import { apiVersion } from '../../wire/protocol.ts';
import type { BusState } from '../cluster/bus.ts';
import { formatTime } from './documents.ts';

export interface AboutSources {
  readonly sinceMs: number;
  readonly grpcAddress: string;
  readonly httpAddress: string;
  readonly insecure: boolean;
  readonly bus: { readonly name: string; state(): BusState };
}

/** @param now unix milliseconds */
export function aboutDocument(sources: AboutSources, now: number): AboutDocument {
  const { sinceMs, grpcAddress, httpAddress, insecure, bus } = sources;
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
  };
}
