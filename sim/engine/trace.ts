/** What happened, in order: a hash of all of it, by which two runs are told apart, and the last lines for whoever has to find out why. */

export type TraceValue = string | number | boolean | null;

interface TraceLine {
  readonly atMs: number;
  readonly what: string;
  readonly values: readonly TraceValue[];
}

/** Lines that a failure shows. */
const keptLines = 60;

export class Trace {
  #low = 0x811c9dc5;
  #high = 0x01000193;
  readonly #lines: TraceLine[] = [];
  readonly #isWhole: boolean;

  /** Whether somebody reads all of it. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** @param isWhole keeps all lines */
  constructor(isWhole = false) {
    this.#isWhole = isWhole;
  }

  note(atMs: number, what: string, ...values: readonly TraceValue[]): void {
    this.#mixText(what);
    this.#mix(Math.round(atMs * 1000));
    for (const value of values) {
      if (typeof value === 'string') this.#mixText(value);
      else this.#mix(Number(value ?? -1));
    }
    this.#keep({ atMs, what, values });
  }

  /** For whoever reads it; what it says is not part of the hash. */
  comment(atMs: number, what: string, ...values: readonly TraceValue[]): void {
    this.#keep({ atMs, what, values });
  }

  get hash(): string {
    return (this.#high >>> 0).toString(16).padStart(8, '0') + (this.#low >>> 0).toString(16).padStart(8, '0');
  }

  /** The last lines, or all. */
  lines(): string[] {
    const lines = this.#isWhole ? this.#lines : this.#lines.slice(-keptLines);
    return lines.map(
      ({ atMs, what, values }) =>
        `${(atMs / 1000).toFixed(3).padStart(9)} s  ${what}${values.map((value) => ` ${value}`).join('')}`,
    );
  }

  #keep(line: TraceLine): void {
    this.#lines.push(line);
    if (!this.#isWhole && this.#lines.length > 16 * keptLines) this.#lines.splice(0, 15 * keptLines);
  }

  #mix(value: number): void {
    const whole = value | 0;
    this.#low = Math.imul(this.#low ^ whole, 0x01000193);
    this.#high = Math.imul(this.#high ^ ((value - whole) / 0x1_0000_0000) ^ (this.#low >>> 15), 0x85ebca6b);
  }

  #mixText(text: string): void {
    for (let i = 0; i < text.length; i++) this.#low = Math.imul(this.#low ^ text.charCodeAt(i), 0x01000193);
    this.#high = Math.imul(this.#high ^ this.#low, 0x85ebca6b);
  }
}
