/** The syntax tree of a filter, and its text: what evaluators, planners and links are made from. */
import { type Endpoint, formatEndpoint } from '../model/endpoint.ts';
import { formatPrefix, type IpAddress, type Prefix } from '../model/ip.ts';

/** What a bare word names. It matches when either end is it. */
export type Term =
  | { readonly kind: 'endpoint'; readonly endpoint: Endpoint }
  | { readonly kind: 'ip'; readonly ip: IpAddress }
  | { readonly kind: 'prefix'; readonly prefix: Prefix }
  | { readonly kind: 'port'; readonly port: number }
  /** A host or a service. */
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'named-port'; readonly name: string; readonly port: number };

/** `and` and `or` have two operands at least, and none of their own kind: parentheses that change nothing are gone. */
export type Filter =
  /** The empty filter. Nothing else means "everything". */
  | { readonly kind: 'all' }
  | { readonly kind: 'term'; readonly term: Term }
  | { readonly kind: 'not'; readonly operand: Filter }
  | { readonly kind: 'and'; readonly operands: readonly Filter[] }
  | { readonly kind: 'or'; readonly operands: readonly Filter[] };

export const everything: Filter = { kind: 'all' };

/** A text that parses to the same tree. */
export function formatFilter(filter: Filter): string {
  switch (filter.kind) {
    case 'all':
      return '';
    case 'term':
      return formatTerm(filter.term);
    case 'not':
      return `not ${enclosed(filter.operand, ['and', 'or'])}`;
    case 'and':
      return filter.operands.map((operand) => enclosed(operand, ['or'])).join(' and ');
    case 'or':
      return filter.operands.map(formatFilter).join(' or ');
  }
}

function enclosed(filter: Filter, kinds: readonly Filter['kind'][]): string {
  const text = formatFilter(filter);
  return kinds.includes(filter.kind) ? `(${text})` : text;
}

export function formatTerm(term: Term): string {
  switch (term.kind) {
    case 'endpoint':
      return formatEndpoint(term.endpoint);
    case 'ip':
      return term.ip;
    case 'prefix':
      return formatPrefix(term.prefix);
    case 'port':
      return `:${term.port}`;
    case 'name':
      return formatName(term.name);
    case 'named-port':
      return `${term.name}:${term.port}`;
  }
}

/** Quoted unless it is the plainest of words, so that it never reads as an address, a keyword or a field. */
function formatName(name: string): string {
  const plain = /^[A-Za-z][A-Za-z0-9_-]*$/.test(name) && !reservedWords.has(name.toLowerCase());
  return plain ? name : `"${name.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** Words of the language; as names they need quotes. Matched without regard to case. */
export const reservedWords: ReadonlySet<string> = new Set(
  'and or not in to from src dst sport dport state'.split(' '),
);
