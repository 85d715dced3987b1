/**
 * Tests rows of the core by their words, some 20 ns each, on whichever thread they are looked at.
 *
 * A test is exact for a connection whose place is decided: it lets through what the filter holds for, and nothing else. One
 * whose place is open is let through, as who dialed is not known to its row.
 *
 * On another thread words are read while they are written. Each word is as it was at some moment, but two words of a row may
 * be of two moments, and what is written first may be seen last. A connection that is there all the while keeps its key and
 * the holders that it has; only a second holder comes, and who is the client may be decided anew, which is one word. So a row
 * that lacks a holder is let through as well, and then none is missed. What is let through is looked at once more by the
 * thread that writes (correlate/every-connection.ts), so nothing comes of a row that was torn.
 */
import { firstWordOf, isInterned } from '../core/addresses.ts';
import { facts, factsWord, holderWord, rowShift } from '../core/connection-row.ts';
import type { NetworkPlan, SievePlan, TermPlan, TestPlan } from './sieve-plan.ts';

/** Memory that all threads share. */
export interface SievedWords {
  /** Rows of connections (connection-row.ts). */
  readonly rows: Int32Array<SharedArrayBuffer>;
  /** Rows of interned addresses (addresses.ts). */
  readonly addresses: Int32Array<SharedArrayBuffer>;
}

/** @param first word of a row. @param end 0 = a, 1 = b; of no concern to the test of a whole row */
type RowTest = (first: number, end: number) => boolean;

/** Whether a row may be selected. */
export function rowSieve(words: SievedWords, plan: SievePlan): (row: number) => boolean {
  const { rows } = words;
  const { isForeign } = plan;
  const isOfFilter = connectionTest(words, plan);
  return (row) => {
    const first = row << rowShift;
    if ((rows[first + factsWord]! & facts.placed) === 0) return true;
    if (rows[first + holderWord] === 0 || rows[first + holderWord + 1] === 0) return true;
    if (isForeign !== null && isForeign[rows[first + 3]! >> 1] === 1) return false;
    return isOfFilter(first, 0);
  };
}

const always = (): boolean => true;
const never = (): boolean => false;

function connectionTest(words: SievedWords, { of, test }: SievePlan): RowTest {
  if (of === 'connection') return treeTest(test, (term) => ofEitherEnd(termTest(words, term)));
  const ofEnd = treeTest(test, (term) => termTest(words, term));
  if (of === 'an end') return ofEitherEnd(ofEnd);
  const { rows } = words;
  const [whereClientIsA, whereClientIsB] = of === 'client' ? [0, 1] : [1, 0];
  return (first) =>
    ofEnd(first, (rows[first + factsWord]! & facts.clientIsB) === 0 ? whereClientIsA : whereClientIsB);
}

function ofEitherEnd(test: RowTest): RowTest {
  return (first) => test(first, 0) || test(first, 1);
}

function treeTest(plan: TestPlan, testOf: (term: TermPlan) => RowTest): RowTest {
  switch (plan.kind) {
    case 'all':
      return always;
    case 'term':
      return testOf(plan.term);
    case 'not': {
      const operand = treeTest(plan.operand, testOf);
      return (first, end) => !operand(first, end);
    }
    case 'and': {
      const operands = plan.operands.map((operand) => treeTest(operand, testOf));
      return (first, end) => operands.every((operand) => operand(first, end));
    }
    case 'or': {
      const operands = plan.operands.map((operand) => treeTest(operand, testOf));
      return (first, end) => operands.some((operand) => operand(first, end));
    }
  }
}

function termTest(words: SievedWords, plan: TermPlan): RowTest {
  const { rows } = words;
  switch (plan.kind) {
    case 'nothing':
      return never;
    case 'address': {
      const { word } = plan;
      return (first, end) => rows[first + end] === word;
    }
    case 'network':
      return networkTest(words, plan.network);
    case 'port': {
      const { port } = plan;
      return (first, end) => ((rows[first + 2]! >>> (end === 0 ? 16 : 0)) & 0xffff) === port;
    }
    case 'holder': {
      const { isMeant } = plan;
      return (first, end) => isMeant[rows[first + holderWord + end]! - 1] === 1;
    }
    case 'both': {
      const [one, other] = [termTest(words, plan.one), termTest(words, plan.other)];
      return (first, end) => one(first, end) && other(first, end);
    }
  }
}

function networkTest({ rows, addresses }: SievedWords, { isV4, address, mask }: NetworkPlan): RowTest {
  const [network4, mask4] = [address[3]!, mask[3]!];
  const isWithin = (at: number): boolean =>
    mask.every((bits, i) => ((addresses[at + i]! ^ address[i]!) & bits) === 0);
  return (first, end) => {
    const word = rows[first + end]!;
    if (!isInterned(word)) return isV4 && ((word ^ network4) & mask4) === 0;
    const at = firstWordOf(word);
    return isMapped(addresses, at) === isV4 && isWithin(at);
  };
}

/** Whether an interned address is one of IPv4. */
function isMapped(addresses: Int32Array, at: number): boolean {
  return addresses[at] === 0 && addresses[at + 1] === 0 && addresses[at + 2] === 0xffff;
}
