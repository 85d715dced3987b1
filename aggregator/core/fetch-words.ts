/**
 * Fetching: what later passes want is read ahead for a whole block, so that its ways from memory are waited for together.
 *
 * How many reads are under way at a time is limited by how far the processor looks ahead, some hundred instructions. Every
 * turn of a loop takes forty of them beside its read (whether to stop, what the arrays are, where they begin), so four reads
 * stand in each.
 */

/** Positions come in columns of a multiple of this; what stands behind the last one asked for is read as well. */
const readsPerTurn = 4;

/** Reads words[at[k]] for each k below `count`. @returns what was read, which nobody needs but the compiler */
export function fetchWords(words: Int32Array, at: Int32Array, count: number): number {
  let fetched = 0;
  for (let k = 0; k < count; k += readsPerTurn) {
    const one = words[at[k]!]!;
    const two = words[at[k + 1]!]!;
    const three = words[at[k + 2]!]!;
    fetched ^= one ^ two ^ three ^ words[at[k + 3]!]!;
  }
  return fetched;
}
