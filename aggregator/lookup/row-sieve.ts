/**
 * Which rows of the core a question may be about, told from numbers alone: a filter becomes a test of a row's words before
 * any row is looked at, with its addresses as words and its names as the holders that are called so.
 *
 * A test is exact for a connection whose place is decided: it lets through what the filter holds for, and nothing else. One
 * whose place is open is let through, as who dialed is not known to its row.
 */
import { formatIp, type IpAddress, ipBytes, isIpv6, type Prefix, prefixContains } from '../../model/ip.ts';
import type { Filter, Term } from '../../query/syntax.ts';
import { type Addresses, isInterned, noAddress } from '../core/addresses.ts';
import { facts, factsWord, holderWord, rowShift } from '../core/connection-row.ts';
import type { PlainHosts } from '../correlate/plain-hosts.ts';
import type { Narrowing } from '../serve/fleet-view.ts';

/** What a sieve reads. */
export interface SievedRows {
  readonly words: Int32Array;
  readonly hosts: PlainHosts;
  readonly addresses: Addresses;
}

/** @param first word of a row. @param end 0 = a, 1 = b; of no concern to the test of a whole row */
type RowTest = (first: number, end: number) => boolean;

/**
 * Whether a row may be selected. This stays right of every connection that was there when it was asked for, whatever comes
 * and goes meanwhile: a connection keeps its addresses, holders and scope, and leaves the core when one of them is another.
 */
export function rowSieve(rows: SievedRows, { filter, of, realm }: Narrowing): (row: number) => boolean {
  const { words } = rows;
  const isOfFilter = filter.kind === 'all' ? always : filterTest(rows, filter, of);
  const isOfRealm = realm === '' ? always : realmTest(rows, realm);
  return (row) => {
    const first = row << rowShift;
    if ((words[first + factsWord]! & facts.placed) === 0) return true;
    return isOfFilter(first, 0) && isOfRealm(first, 0);
  };
}

const always = (): boolean => true;
const never = (): boolean => false;

function filterTest(rows: SievedRows, filter: Filter, of: Narrowing['of']): RowTest {
  if (of === 'connection') return treeTest(filter, (term) => ofEitherEnd(termTest(rows, term)));
  const ofEnd = treeTest(filter, (term) => termTest(rows, term));
  if (of === 'an end') return ofEitherEnd(ofEnd);
  const { words } = rows;
  const [whereClientIsA, whereClientIsB] = of === 'client' ? [0, 1] : [1, 0];
  return (first) =>
    ofEnd(first, (words[first + factsWord]! & facts.clientIsB) === 0 ? whereClientIsA : whereClientIsB);
}

function ofEitherEnd(test: RowTest): RowTest {
  return (first) => test(first, 0) || test(first, 1);
}

function treeTest(filter: Filter, testOf: (term: Term) => RowTest): RowTest {
  switch (filter.kind) {
    case 'all':
      return always;
    case 'term':
      return testOf(filter.term);
    case 'not': {
      const operand = treeTest(filter.operand, testOf);
      return (first, end) => !operand(first, end);
    }
    case 'and': {
      const operands = filter.operands.map((operand) => treeTest(operand, testOf));
      return (first, end) => operands.every((operand) => operand(first, end));
    }
    case 'or': {
      const operands = filter.operands.map((operand) => treeTest(operand, testOf));
      return (first, end) => operands.some((operand) => operand(first, end));
    }
  }
}

function termTest(rows: SievedRows, term: Term): RowTest {
  switch (term.kind) {
    case 'endpoint':
      return both(addressTest(rows, term.endpoint.ip), portTest(rows, term.endpoint.port));
    case 'ip':
      return addressTest(rows, term.ip);
    case 'prefix':
      return prefixTest(rows, term.prefix);
    case 'port':
      return portTest(rows, term.port);
    case 'name':
      return nameTest(rows, term.name);
    case 'named-port':
      return both(portTest(rows, term.port), nameTest(rows, term.name));
  }
}

function both(one: RowTest, other: RowTest): RowTest {
  return (first, end) => one(first, end) && other(first, end);
}

function portTest({ words }: SievedRows, port: number): RowTest {
  return (first, end) => ((words[first + 2]! >>> (end === 0 ? 16 : 0)) & 0xffff) === port;
}

function addressTest({ words, addresses }: SievedRows, ip: IpAddress): RowTest {
  const word = wordOf(addresses, ip);
  return word === noAddress ? never : (first, end) => words[first + end] === word;
}

/** The word of an address that some row may have; noAddress where none has it. */
function wordOf(addresses: Addresses, ip: IpAddress): number {
  const bytes = new DataView(ipBytes(ip).buffer);
  if (isIpv6(ip)) {
    return addresses.find(bytes.getInt32(0), bytes.getInt32(4), bytes.getInt32(8), bytes.getInt32(12));
  }
  const word = bytes.getInt32(0);
  return isInterned(word) ? addresses.find(0, 0, 0xffff, word) : word;
}

function prefixTest({ words, addresses }: SievedRows, prefix: Prefix): RowTest {
  const bytes = ipBytes(prefix.ip);
  const isV4 = bytes.length === 4;
  const network = isV4 ? new DataView(bytes.buffer).getInt32(0) : 0;
  const mask = prefix.length === 0 ? 0 : -1 << (32 - Math.min(32, prefix.length));
  /** Interned ones. */
  const known = new Map<number, boolean>();
  return (first, end) => {
    const word = words[first + end]!;
    if (!isInterned(word)) return isV4 && (word & mask) === network;
    const found = known.get(word) ?? prefixContains(prefix, addressOf(addresses.wordsOf(word)));
    known.set(word, found);
    return found;
  };
}

/** The address of four words, which may be an IPv4-mapped one. */
function addressOf(words: Int32Array): IpAddress {
  const address = new DataView(new ArrayBuffer(16));
  for (const [i, word] of words.entries()) address.setInt32(4 * i, word);
  return formatIp(new Uint8Array(address.buffer));
}

function nameTest({ words, hosts }: SievedRows, name: string): RowTest {
  const isCalled = hosts.holdersCalled(name);
  return (first, end) => isCalled[words[first + holderWord + end]! - 1] === 1;
}

function realmTest({ words, hosts }: SievedRows, realm: string): RowTest {
  const known = new Map<number, boolean>();
  return (first) => {
    const scope = words[first + 3]! >> 1;
    const found = known.get(scope) ?? (hosts.spaceOf(scope)?.realm ?? realm) === realm;
    known.set(scope, found);
    return found;
  };
}
