/**
 * The hash of a key of four words. Its high bits say where in an index the key has its home, so every input bit reaches
 * them. The seed is drawn at start: who does not know it cannot choose keys that crowd each other.
 */
export function hashKey(seed: number, w0: number, w1: number, w2: number, w3: number): number {
  let hash = Math.imul(w0 ^ seed, 0x85ebca6b);
  hash ^= hash >>> 15;
  hash = Math.imul(hash ^ w1, 0xc2b2ae35);
  hash ^= hash >>> 13;
  hash = Math.imul(hash ^ w2, 0x27d4eb2f);
  hash ^= hash >>> 16;
  hash = Math.imul(hash ^ w3, 0x85ebca6b);
  hash ^= hash >>> 13;
  return Math.imul(hash, 0xc2b2ae35);
}
