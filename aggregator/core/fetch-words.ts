/**
 * Fetching in JavaScript, where memory is not that of the passes (pass-memory.ts): what is wanted later is read ahead for a
 * whole block, so that its ways from memory are waited for together.
 *
 * How many reads are under way at a time is limited by how many loads the processor keeps in flight. Every turn of a loop takes
 * nine beside two for its read (what the arrays are, where they begin, how long they are, whether to stop), so eight
 * reads stand in each.
 */

/** Positions come in columns of a multiple of this; what stands behind the last one asked for is read as well. */
const readsPerTurn = 8;

/** Reads words[at[k]] for each k below `count`. @returns what was read, which nobody needs but the compiler */
export function fetchWords(words: Int32Array, at: Int32Array, count: number): number {
  let fetched = 0;
  for (let k = 0; k < count; k += readsPerTurn) {
    const ahead = words[at[k]!]! ^ words[at[k + 1]!]! ^ words[at[k + 2]!]! ^ words[at[k + 3]!]!;
    const behind = words[at[k + 4]!]! ^ words[at[k + 5]!]! ^ words[at[k + 6]!]! ^ words[at[k + 7]!]!;
    fetched ^= ahead ^ behind;
  }
  return fetched;
}
