/** One bare word to the term it stands for. What looks like an address, but is none, is an error rather than a name. */
import { parseEndpoint } from '../model/endpoint.ts';
import { parseIp, parsePrefix } from '../model/ip.ts';
import { FilterError, quoted } from './filter-error.ts';
import type { Token } from './lexer.ts';
import type { Term } from './syntax.ts';

/** What a term can be, for messages. */
export const termForms = 'ip:port, [v6]:port, ip, cidr, :port, host, service or service:port';

/** Reads a `word` or `string` token. Throws FilterError at the token's column. */
export function parseTerm(token: Token): Term {
  if (token.kind === 'string') return { kind: 'name', name: token.text };
  return parseAddress(token) ?? parseWithPort(token) ?? parseName(token);
}

function parseAddress(token: Token): Term | null {
  const text = token.text;
  const ip = parseIp(text);
  if (ip !== null) return { kind: 'ip', ip };
  const prefix = parsePrefix(text);
  if (prefix !== null) return { kind: 'prefix', prefix };
  const endpoint = parseEndpoint(text);
  if (endpoint !== null) return { kind: 'endpoint', endpoint };
  const slash = text.lastIndexOf('/');
  if (slash > 0 && (parseIp(text.slice(0, slash)) !== null || looksLikeIpv4(text.slice(0, slash)))) {
    throw refusal(token, 'a prefix such as 10.0.0.0/8 or fd00::/8');
  }
  if (text.startsWith('[')) throw refusal(token, 'an endpoint such as [fd00::1]:443');
  return null;
}

/** `:5432` and `checkout:443`. */
function parseWithPort(token: Token): Term | null {
  const colon = token.text.lastIndexOf(':');
  if (colon < 0) return null;
  const head = token.text.slice(0, colon);
  const digits = token.text.slice(colon + 1);
  if (head.includes(':'))
    throw refusal(token, 'an IPv6 address ([address]:port with a port), or quotes around a name');
  if (looksLikeIpv4(head)) throw refusal(token, 'ip:port with an IPv4 address and a port of 0 to 65535');
  if (!/^[0-9]{1,5}$/.test(digits) || Number(digits) > 65535)
    throw refusal(token, 'a port of 0 to 65535 after the colon');
  const port = Number(digits);
  return head === '' ? { kind: 'port', port } : { kind: 'named-port', name: head, port };
}

function parseName(token: Token): Term {
  const text = token.text;
  if (/^[0-9]+$/.test(text)) throw refusal(token, `:${text} for a port, or "${text}" for a name`);
  if (looksLikeIpv4(text)) throw refusal(token, 'an IPv4 address');
  return { kind: 'name', name: text };
}

function looksLikeIpv4(text: string): boolean {
  return /^[0-9]+(\.[0-9]*)+$/.test(text);
}

function refusal(token: Token, expected: string): FilterError {
  return new FilterError(token.column, expected, quoted(token.text));
}
