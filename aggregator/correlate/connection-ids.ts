/** Ids of connections: a running number with a prefix that tells this run of the aggregator from others. */

export class ConnectionIds {
  readonly #prefix: string;
  #last = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The number that was given last; 0 = none. */
  get last(): number {
    return this.#last;
  }

  next(): number {
    return ++this.#last;
  }

  format(number: number): string {
    return `${this.#prefix}-${number.toString(36)}`;
  }

  /** The reverse of format; NaN where it is no id of this run. */
  parse(id: string): number {
    if (!id.startsWith(`${this.#prefix}-`)) return Number.NaN;
    const number = Number.parseInt(id.slice(this.#prefix.length + 1), 36);
    return number > 0 && this.format(number) === id ? number : Number.NaN;
  }
}
