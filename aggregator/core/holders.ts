/**
 * Who has sockets: a process of a namespace of a host, or a namespace alone for sockets without an owner. A connection names
 * the holders of its ends by number; what is the same for all their sockets stands here once.
 *
 *     host, netns   numbers that tell hosts and namespaces apart
 *     name          number of what its end is called by in edges
 *     ports         the namespace's ephemeral ports: first << 16 | last
 */
const columnCount = 4;

export interface Holder {
  readonly host: number;
  readonly netns: number;
  readonly name: number;
  /** Both inclusive. */
  readonly ephemeralPorts: readonly [first: number, last: number];
}

/** Holders at a time. */
export const holdersMax = 1 << 22;

export class Holders {
  /** Four words per holder, in the order above. */
  readonly words: Int32Array;
  readonly #max: number;
  readonly #free: number[] = [];
  #top = 0;

  /** Memory is taken as it is used. */
  constructor(max = holdersMax) {
    this.#max = max;
    this.words = new Int32Array(max * columnCount);
  }

  get size(): number {
    return this.#top - this.#free.length;
  }

  /** @returns its number, or -1 where there are too many */
  add({ host, netns, name, ephemeralPorts: [first, last] }: Holder): number {
    const number = this.#free.pop() ?? this.#top;
    if (number >= this.#max) return -1;
    if (number === this.#top) this.#top++;
    this.words.set([host, netns, name, (first << 16) | last], number * columnCount);
    return number;
  }

  /** Nobody names it any more. */
  remove(number: number): void {
    this.#free.push(number);
  }

  hostOf(number: number): number {
    return this.words[number * columnCount]!;
  }

  netnsOf(number: number): number {
    return this.words[number * columnCount + 1]!;
  }

  nameOf(number: number): number {
    return this.words[number * columnCount + 2]!;
  }

  isEphemeral(number: number, port: number): boolean {
    const range = this.words[number * columnCount + 3]!;
    return port >= range >>> 16 && port <= (range & 0xffff);
  }
}
