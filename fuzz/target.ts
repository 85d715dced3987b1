/**
 * What is fuzzed: something that reads foreign bytes, what may come out of it, and inputs to begin with.
 *
 * A target ends in one of four ways, and only the first two are good:
 *
 *     value     it made something of the bytes, and whatever is promised of that holds
 *     refused   it threw an error that its contract names
 *     crash     it threw anything else, or a promise is broken (expectThat)
 *     hang      it took longer than hangMs; `memory`: it kept more than memoryMax
 */

export interface Target {
  /** kebab-case; the folder of its corpus. */
  readonly name: string;
  /** Inputs beside those of its folder: recorded ones that stand elsewhere, or that an encoder makes. */
  readonly seeds: () => readonly Buffer[];
  /** What means something to it: words, magic numbers, lengths. Mutations insert them. */
  readonly tokens: readonly (string | Buffer)[];
  /** Makes sums and lengths right again after a mutation, so that what stands behind them is reached too. */
  readonly repair?: (input: Buffer) => Buffer;
  /**
   * Reads the input and checks what is promised of the outcome.
   * @returns what it made of it; its shape tells inputs apart
   */
  readonly run: (input: Buffer) => unknown;
  /** Classes of the errors that it may throw. Without them it may throw none. */
  readonly refusals?: readonly (abstract new (
    ...args: never
  ) => Error)[];
  /** Releases what it opened. */
  readonly close?: () => Promise<void>;
}

/** Longest input that is made. Readers of larger things are given less than they could take. */
export const inputBytesMax = 64 << 10;

/** A broken promise. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
  /** What does not hold: the same for all inputs that break it. */
  readonly promise: string;

  constructor(promise: string, found: unknown) {
    super(`${promise}: ${cut(asJson(found))}`);
    this.promise = promise;
  }
}

/** Throws BrokenPromise unless `holds`. @param promise as a sentence. @param found what breaks it */
export function expectThat(holds: boolean, promise: string, found: unknown = null): asserts holds {
  if (!holds) throw new BrokenPromise(promise, found);
}

/** That two plain values are alike, as JSON shows them; keys of objects have no order. */
export function expectAlike(found: unknown, expected: unknown, promise: string): void {
  const [one, other] = [asJson(found), asJson(expected)];
  if (one !== other) throw new BrokenPromise(promise, [found, expected]);
}

const shownMax = 300;

function cut(text: string): string {
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
}

/** With what JSON has no word for, and keys in order. */
function asJson(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part: unknown) => {
      if (typeof part === 'bigint') return `${part}n`;
      if (typeof part === 'number' && !Number.isFinite(part)) return String(part);
      if (part instanceof Map) return [...(part as Map<unknown, unknown>)];
      if (part instanceof Set) return [...(part as Set<unknown>)];
      if (ArrayBuffer.isView(part)) return Array.from(part as Uint8Array);
      return isPlain(part)
        ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
        : part;
    }) ?? 'undefined'
  );
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
