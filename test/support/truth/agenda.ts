/** What is to happen when, in simulated time: earlier first, and of one moment what was planned first. */

interface Entry {
  readonly atMs: number;
  readonly number: number;
  readonly happen: () => void;
}

export class Agenda {
  /** A binary heap. */
  readonly #entries: Entry[] = [];
  #lastNumber = 0;

  at(atMs: number, happen: () => void): void {
    const entry = { atMs, number: ++this.#lastNumber, happen };
    const entries = this.#entries;
    let n = entries.push(entry) - 1;
    while (n > 0) {
      const parent = (n - 1) >> 1;
      if (!isBefore(entry, entries[parent]!)) break;
      entries[n] = entries[parent]!;
      n = parent;
    }
    entries[n] = entry;
  }

  /** Lets everything happen, also what is planned meanwhile. @param setClock called before each */
  play(setClock: (atMs: number) => void): void {
    for (let entry = this.#take(); entry !== undefined; entry = this.#take()) {
      setClock(entry.atMs);
      entry.happen();
    }
  }

  #take(): Entry | undefined {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (last === undefined || first === last) return first;
    let n = 0;
    for (;;) {
      let child = 2 * n + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && isBefore(entries[child + 1]!, entries[child]!)) child++;
      if (!isBefore(entries[child]!, last)) break;
      entries[n] = entries[child]!;
      n = child;
    }
    entries[n] = last;
    return first;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.atMs === other.atMs ? one.number < other.number : one.atMs < other.atMs;
}
