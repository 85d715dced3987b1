/**
 * What a question looks for in rows of the core, as numbers alone: addresses as words, names as the holders that are called
 * so. It is made where hosts and names are known, and used by row-sieve.ts on whichever thread looks at the rows.
 *
 * It stays right of every connection that was there when it was made, whatever comes and goes meanwhile: a connection keeps
 * its addresses, holders and scope, and leaves the core when one of them is another.
 */
import { type IpAddress, ipBytes, isIpv6, type Prefix } from '../../model/ip.ts';
import type { Filter, Term } from '../../query/syntax.ts';
import { type Addresses, isInterned, noAddress } from '../core/addresses.ts';
import type { PlainHosts } from '../correlate/plain-hosts.ts';
import type { Narrowing } from '../serve/fleet-view.ts';

/** What one end of a row is tested for. */
export type TermPlan =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'address'; readonly word: number }
  | { readonly kind: 'network'; readonly network: NetworkPlan }
  | { readonly kind: 'port'; readonly port: number }
  /** By number of a holder, 1 for those that are meant. */
  | { readonly kind: 'holder'; readonly isMeant: Uint8Array }
  /** Of the same end. */
  | { readonly kind: 'both'; readonly one: TermPlan; readonly other: TermPlan };

/** A filter, whose terms are those of an end. */
export type TestPlan =
  | { readonly kind: 'all' }
  | { readonly kind: 'term'; readonly term: TermPlan }
  | { readonly kind: 'not'; readonly operand: TestPlan }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly TestPlan[] };

/** Four words in network order; IPv4 as its mapped form. */
export interface NetworkPlan {
  readonly isV4: boolean;
  readonly address: readonly number[];
  readonly mask: readonly number[];
}

/** Plain values: it can be sent to another thread. */
export interface SievePlan {
  /** For which of a connection the test is to hold. */
  readonly of: Narrowing['of'];
  readonly test: TestPlan;
  /** By number of a scope, 1 for those of other realms than the one asked for; null = no realm is. */
  readonly isForeign: Uint8Array | null;
}

/** What is known of who has the rows. */
export interface PlanParts {
  readonly hosts: PlainHosts;
  readonly addresses: Addresses;
}

export function planSieve(parts: PlanParts, { filter, of, realm }: Narrowing): SievePlan {
  const isForeign = realm === '' ? null : parts.hosts.scopesBeyond(realm);
  return { of, test: testPlan(filter, (term) => termPlan(parts, term)), isForeign };
}

/** Whether every row is wanted, so that to look for them is no work. */
export function wantsAll({ test, isForeign }: SievePlan): boolean {
  return test.kind === 'all' && isForeign === null;
}

function testPlan(filter: Filter, planOf: (term: Term) => TermPlan): TestPlan {
  switch (filter.kind) {
    case 'all':
      return { kind: 'all' };
    case 'term':
      return { kind: 'term', term: planOf(filter.term) };
    case 'not':
      return { kind: 'not', operand: testPlan(filter.operand, planOf) };
    case 'and':
    case 'or':
      return { kind: filter.kind, operands: filter.operands.map((operand) => testPlan(operand, planOf)) };
  }
}

function termPlan(parts: PlanParts, term: Term): TermPlan {
  switch (term.kind) {
    case 'endpoint':
      return both(addressPlan(parts, term.endpoint.ip), { kind: 'port', port: term.endpoint.port });
    case 'ip':
      return addressPlan(parts, term.ip);
    case 'prefix':
      return { kind: 'network', network: networkPlan(term.prefix) };
    case 'port':
      return { kind: 'port', port: term.port };
    case 'name':
      return holderPlan(parts, term.name);
    case 'named-port':
      return both({ kind: 'port', port: term.port }, holderPlan(parts, term.name));
  }
}

function both(one: TermPlan, other: TermPlan): TermPlan {
  return { kind: 'both', one, other };
}

function holderPlan({ hosts }: PlanParts, name: string): TermPlan {
  return { kind: 'holder', isMeant: hosts.holdersCalled(name) };
}

/** No row has an address that has no word. */
function addressPlan({ addresses }: PlanParts, ip: IpAddress): TermPlan {
  const words = mappedWords(ip);
  const isPlain = !isIpv6(ip) && !isInterned(words[3]!);
  const word = isPlain ? words[3]! : addresses.find(words[0]!, words[1]!, words[2]!, words[3]!);
  return word === noAddress ? { kind: 'nothing' } : { kind: 'address', word };
}

function networkPlan({ ip, length }: Prefix): NetworkPlan {
  const isV4 = !isIpv6(ip);
  const bits = isV4 ? 96 + length : length;
  const mask = [0, 32, 64, 96].map((before) => maskWord(Math.min(32, Math.max(0, bits - before))));
  return { isV4, address: mappedWords(ip), mask };
}

function maskWord(bits: number): number {
  return bits === 0 ? 0 : -1 << (32 - bits);
}

function mappedWords(ip: IpAddress): number[] {
  const bytes = new DataView(ipBytes(ip).buffer);
  if (!isIpv6(ip)) return [0, 0, 0xffff, bytes.getInt32(0)];
  return [0, 4, 8, 12].map((at) => bytes.getInt32(at));
}
