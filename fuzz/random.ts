/** Random numbers that are the same for the same seed on every machine. */

export interface Random {
  /** A whole number from 0 to below `end`. */
  below(end: number): number;
}

/** Steps of 32 bits, mixed well (splitmix32 of Guy Steele and others, with the constants of MurmurHash3's finalizer). */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return {
    below(end) {
      state = (state + 0x9e3779b9) >>> 0;
      let mixed = state;
      mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
      return ((mixed ^ (mixed >>> 16)) >>> 0) % end;
    },
  };
}

/** Any of a list that is not empty. */
export function pick<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)]!;
}
