/**
 * Asks the aggregator's HTTP API for documents. Errors are three: Refused (the question is wrong), Locked (who asks has to log
 * in) and Away (no answer).
 */
import type {
  AboutDocument,
  ConnectionsDocument,
  ErrorDocument,
  FromDocument,
  HostsDocument,
  MapDocument,
  ToDocument,
} from '../../model/document.ts';

/** The aggregator understood the request and refuses it: a bad filter, mostly. */
export class Refused extends Error {
  /** 1-based place in the query, or null when the fault has none. */
  readonly column: number | null;

  constructor(message: string, column: number | null) {
    super(message);
    this.column = column;
  }
}

/** Nobody is logged in, or whoever was is not any more. */
export class Locked extends Error {}

/** No usable answer: unreachable, restarting, or broken. The message says which. */
export class Away extends Error {}

/** One method per document. Every method rejects with Refused, Locked, Away, or the signal's abort reason. */
export interface Api {
  map(query: string, signal: AbortSignal): Promise<MapDocument>;
  connections(query: string, limit: number, signal: AbortSignal): Promise<ConnectionsDocument>;
  to(target: string, signal: AbortSignal): Promise<ToDocument>;
  from(source: string, signal: AbortSignal): Promise<FromDocument>;
  hosts(signal: AbortSignal): Promise<HostsDocument>;
  about(signal: AbortSignal): Promise<AboutDocument>;
}

/** @param base address of the page; the API stands beside it. */
export function createApi(base: string): Api {
  const get = <T>(path: string, params: Record<string, string>, signal: AbortSignal): Promise<T> =>
    getDocument<T>(apiAddress(base, path, params), signal);
  return {
    map: (q, signal) => get('map', { q }, signal),
    connections: (q, limit, signal) => get('connections', { q, limit: String(limit) }, signal),
    to: (q, signal) => get('to', { q }, signal),
    from: (q, signal) => get('from', { q }, signal),
    hosts: (signal) => get('hosts', {}, signal),
    about: (signal) => get('about', {}, signal),
  };
}

/** `api/v1/PATH?…` beside the page; empty parameters are left out. */
export function apiAddress(base: string, path: string, params: Record<string, string>): string {
  const url = new URL(`api/v1/${path}`, base);
  for (const [name, value] of Object.entries(params)) if (value !== '') url.searchParams.set(name, value);
  return url.href;
}

async function getDocument<T>(address: string, signal: AbortSignal): Promise<T> {
  const response = await fetch(address, { signal, headers: { accept: 'application/json' } }).catch(
    (cause) => {
      if (signal.aborted) throw cause;
      throw new Away('the aggregator does not answer', { cause });
    },
  );
  const body: unknown = await response.json().catch(() => null);
  if (response.ok && body !== null) return body as T;
  if (response.status === 400 && isErrorDocument(body))
    throw new Refused(body.error.message, body.error.column);
  if (response.status === 401 && isErrorDocument(body)) throw new Locked(body.error.message);
  if (isErrorDocument(body)) throw new Away(`the aggregator says: ${body.error.message}`);
  throw new Away(`the aggregator answers with status ${response.status}`);
}

function isErrorDocument(body: unknown): body is ErrorDocument {
  return (
    typeof body === 'object' && body !== null && typeof (body as ErrorDocument).error?.message === 'string'
  );
}
