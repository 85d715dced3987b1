/**
 * When a row was sent, in the place of its inode: microseconds of the clock that all processes of a machine share and that
 * never steps, as 32 bits. They come round after 71 minutes.
 */

export function stampUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return (seconds * 1_000_000 + Math.floor(nanoseconds / 1000)) >>> 0;
}

/** Microseconds since then. */
export function sinceStampUs(stamp: number): number {
  return (stampUs() - stamp) >>> 0;
}
