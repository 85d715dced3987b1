/**
 * Addresses as one word each. IPv4 is the address itself, as a signed number. IPv6 is interned: the id of its 16 bytes, in
 * 240.0.0.0/4, where no socket has an address. Uses are counted, and an address that nobody uses gives its id back.
 *
 * An IPv4 address of that block that an agent tells all the same is interned as its IPv4-mapped form, so no agent can name
 * another's IPv6 address by a number.
 */
import { KeyTable } from './key-table.ts';

/** All four upper bits set: as a signed number, at least -2^28. */
const tag = 0xf0000000 | 0;

/** IPv6 addresses in use at a time. */
export const addressesMax = 1 << 22;

/** What stands for an address that found no place; never an id. */
export const noAddress = -1;

export class Addresses {
  readonly #table: KeyTable;

  constructor(seed: number, max = addressesMax) {
    this.#table = new KeyTable(max, seed);
  }

  get size(): number {
    return this.#table.size;
  }

  /** Rows of interned addresses, each of which begins with its four words: see firstWordOf. */
  get words(): Int32Array<SharedArrayBuffer> {
    return this.#table.words;
  }

  get bytes(): number {
    return this.#table.bytes;
  }

  /** Addresses that found no place. */
  get refused(): number {
    return this.#table.refused;
  }

  /** One more use of the IPv6 address of these four words, in network order. @returns its word, or noAddress */
  retain(w0: number, w1: number, w2: number, w3: number): number {
    const row = this.#table.add(w0, w1, w2, w3);
    return row < 0 ? noAddress : tag | row;
  }

  /** One more use of an IPv4 address. @returns its word, or noAddress */
  retainV4(address: number): number {
    return isInterned(address) ? this.retain(0, 0, 0xffff, address) : address;
  }

  /** One more use of an address that is in use. */
  retainAgain(address: number): void {
    if (isInterned(address) && address !== noAddress) this.#table.addAgain(rowOf(address));
  }

  release(address: number): void {
    if (isInterned(address) && address !== noAddress) this.#table.release(rowOf(address));
  }

  /** The word of an address that is in use; noAddress where it is not. */
  find(w0: number, w1: number, w2: number, w3: number): number {
    const row = this.#table.find(w0, w1, w2, w3);
    return row < 0 ? noAddress : tag | row;
  }

  /** Which of two addresses that are in use is higher as a number, IPv4 as its mapped form: below 0 for `one`. */
  compare(one: number, other: number): number {
    if (!isInterned(one) && !isInterned(other)) return (one >>> 0) - (other >>> 0);
    const [a, b] = [this.#mappedWords(one), this.#mappedWords(other)];
    const at = a.findIndex((word, i) => word !== b[i]);
    return at < 0 ? 0 : (a[at]! >>> 0) - (b[at]! >>> 0);
  }

  #mappedWords(address: number): Int32Array {
    return isInterned(address) ? this.wordsOf(address) : Int32Array.of(0, 0, 0xffff, address);
  }

  /** The 16 bytes behind an interned address, as four words. */
  wordsOf(address: number): Int32Array {
    const first = firstWordOf(address);
    return this.words.subarray(first, first + 4);
  }
}

/** Whether a word stands for an id and is no IPv4 address. */
export function isInterned(address: number): boolean {
  return (address & tag) === tag;
}

/** Where the four words of an interned address stand in Addresses.words. */
export function firstWordOf(address: number): number {
  return rowOf(address) << 3;
}

function rowOf(address: number): number {
  return address & ~tag;
}
