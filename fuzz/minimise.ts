/** Makes an input that does something shorter and plainer, as long as it still does it. */

/** How often it is tried. */
export const attemptsMax = 3000;

/**
 * Takes pieces out, the largest first, then makes what is left zeros where it may.
 * @param does whether an input still does it; it does with `input` itself
 */
export function minimise(input: Buffer, does: (input: Buffer) => boolean, attempts = attemptsMax): Buffer {
  let [least, left] = [input, attempts];
  const isKept = (candidate: Buffer): boolean => {
    if (left-- <= 0 || !does(candidate)) return false;
    least = candidate;
    return true;
  };
  for (let size = Math.ceil(least.length / 2); size > 0 && left > 0; ) {
    let isShorter = false;
    for (let at = 0; at < least.length && left > 0; ) {
      const shorter = Buffer.concat([least.subarray(0, at), least.subarray(at + size)]);
      if (isKept(shorter)) isShorter = true;
      else at += size;
    }
    if (!isShorter || size > 1) size = size === 1 ? 0 : Math.ceil(size / 2);
  }
  for (let at = 0; at < least.length && left > 0; at++) {
    if (least[at] === plain) continue;
    const plainer = Buffer.from(least);
    plainer[at] = plain;
    isKept(plainer);
  }
  return least;
}

/** `0`: it shows in texts and means little in numbers. */
const plain = 0x30;
