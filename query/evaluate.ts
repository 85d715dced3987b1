/** Whether a filter holds for a connection, a listener, a socket or a host. Pure; knows nothing of where rows live. */
import { type IpAddress, prefixContains } from '../model/ip.ts';
import type { Filter, Term } from './syntax.ts';

/** One end, as a filter sees it. What is unknown is null and matches no term. */
export interface FilterEnd {
  readonly ip: IpAddress | null;
  readonly port: number | null;
  readonly host: string | null;
  readonly service: string | null;
  readonly realm: string | null;
  /** Further addresses it answers on: a listener on the unspecified address takes every address of its namespace. */
  readonly alsoAt?: readonly IpAddress[];
  /** The same end as the far one sees it, where that is translated: what a client dialed, where a server saw it come from. */
  readonly seenAs?: FilterEnd;
}

/** What a filter is asked about; an absent end is null. A socket whose direction is unknown has its local end as server. */
export interface FilterSubject {
  readonly client: FilterEnd | null;
  readonly server: FilterEnd | null;
}

export function filterMatches(filter: Filter, subject: FilterSubject): boolean {
  switch (filter.kind) {
    case 'all':
      return true;
    case 'term':
      return endMatches(filter.term, subject.client) || endMatches(filter.term, subject.server);
    case 'not':
      return !filterMatches(filter.operand, subject);
    case 'and':
      return filter.operands.every((operand) => filterMatches(operand, subject));
    case 'or':
      return filter.operands.some((operand) => filterMatches(operand, subject));
  }
}

/** Names match exactly, case included: a host and a service are called what their own machine calls them. */
export function endMatches(term: Term, end: FilterEnd | null): boolean {
  if (end === null) return false;
  if (end.seenAs !== undefined && endMatches(term, end.seenAs)) return true;
  switch (term.kind) {
    case 'endpoint':
      return end.port === term.endpoint.port && hasAddress(end, (ip) => ip === term.endpoint.ip);
    case 'ip':
      return hasAddress(end, (ip) => ip === term.ip);
    case 'prefix':
      return hasAddress(end, (ip) => prefixContains(term.prefix, ip));
    case 'port':
      return end.port === term.port;
    case 'name':
      return end.host === term.name || end.service === term.name;
    case 'named-port':
      return end.port === term.port && (end.host === term.name || end.service === term.name);
  }
}

function hasAddress(end: FilterEnd, test: (ip: IpAddress) => boolean): boolean {
  if (end.ip !== null && test(end.ip)) return true;
  return end.alsoAt?.some(test) ?? false;
}
