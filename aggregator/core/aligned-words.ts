/**
 * Memory of 32-bit words that begins on a cache line, so that a row of 64 bytes is one line and not two. It is shared, so that
 * other threads can look at rows; to read and write it costs the same.
 *
 * A buffer of more than 128 KiB is a mapping of its own, in which glibc puts 16 bytes of its own first: 48 bytes
 * further is the next line. Elsewhere this costs 64 bytes and changes nothing. Pages are taken as they are first written
 * to, so memory may be reserved for the largest size at once.
 */
const bytesBeforeLine = 48;

/**
 * Memory that comes and goes in small pieces, a table's worth in all. It is shared memory, which the collector of garbage does
 * not count: counting it wakes the collector ever again while a fleet comes, for a pause each time and nothing to be freed.
 */
export function uncountedWords(count: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(count * 4));
}

/** @param count words; all are 0. Throws RangeError where the machine does not give so much. */
export function alignedWords(count: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(count * 4 + 64), bytesBeforeLine, count);
}
