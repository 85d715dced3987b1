/** One answer: the documents of one query, fetched together, and the sentence that opens the page. */
import type {
  AboutDocument,
  ConnectionsDocument,
  FromDocument,
  HostsDocument,
  MapDocument,
  ToDocument,
} from '../../model/document.ts';
import { type Api, Refused } from '../api/client.ts';
import { questionOf } from './question.ts';

/** Rows that the table loads. What lies beyond is counted in `connections.total` and said. */
export const connectionRowsMax = 500;

export interface Answer {
  /** The query that was asked, which may differ from what stands in the box by now. */
  readonly query: string;
  readonly map: MapDocument;
  readonly connections: ConnectionsDocument;
  readonly hosts: HostsDocument;
  readonly about: AboutDocument;
  /** The aggregator's own words on a single target or source; null for every other query. */
  readonly spoken: ToDocument | FromDocument | null;
}

/** Nothing to draw and nothing to list. */
export function isEmpty(answer: Answer): boolean {
  return answer.map.services.length === 0 && answer.connections.connections.length === 0;
}

export async function gatherAnswer(api: Api, query: string, signal: AbortSignal): Promise<Answer> {
  const [map, connections, hosts, about, spoken] = await Promise.all([
    api.map(query, signal),
    api.connections(query, connectionRowsMax, signal),
    api.hosts(signal),
    api.about(signal),
    askForWords(api, query, signal),
  ]);
  return { query, map, connections, hosts, about, spoken };
}

/** A refusal only means that the query is no single target: if it is malformed, the map's own refusal says so. */
async function askForWords(
  api: Api,
  query: string,
  signal: AbortSignal,
): Promise<ToDocument | FromDocument | null> {
  const question = questionOf(query);
  try {
    if (question.kind === 'to') return await api.to(question.target, signal);
    if (question.kind === 'from') return await api.from(question.source, signal);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  return null;
}
