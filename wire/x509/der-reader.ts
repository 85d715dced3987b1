/**
 * DER read, strictly: every element has one form, and what has another is refused. What it reads comes from strangers: no
 * recursion, nothing is copied, and no length is believed that goes beyond the bytes that are there.
 */

/** Bytes that are not the DER expected. The message says what and where. */
export class DerError extends Error {
  override readonly name = 'DerError';
}

/** One element in the bytes that it was read from. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag and length too: what a signature covers. */
  readonly whole: Buffer;
}

/** Reads the elements of one content, one after the other. */
export class DerReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Throws DerError unless an element of `tag` comes next. @param what for the message */
  take(tag: number, what: string): DerElement {
    const start = this.#offset;
    const found = this.#byte(what);
    if (found !== tag) {
      throw new DerError(`${what}: expected tag ${hex(tag)} at byte ${start}, found ${hex(found)}`);
    }
    const length = this.#length(what);
    const from = this.#offset;
    if (length > this.#bytes.length - from) throw new DerError(`${what}: ends before its ${length} bytes`);
    this.#offset = from + length;
    return {
      tag,
      content: this.#bytes.subarray(from, this.#offset),
      whole: this.#bytes.subarray(start, this.#offset),
    };
  }

  /** Throws DerError when anything is left. */
  end(what: string): void {
    const left = this.#bytes.length - this.#offset;
    if (left > 0) throw new DerError(`${what}: ${left} bytes behind its end`);
  }

  /** Lengths below 2^24 in the fewest bytes: no element that is expected here has more. */
  #length(what: string): number {
    const first = this.#byte(what);
    if (first < 0x80) return first;
    const bytes = first & 0x7f;
    if (bytes === 0 || bytes > 3) throw new DerError(`${what}: its length has ${bytes} bytes`);
    let length = 0;
    for (let i = 0; i < bytes; i++) length = length * 256 + this.#byte(what);
    if (length < 0x80 || length < 256 ** (bytes - 1)) {
      throw new DerError(`${what}: its length has more bytes than it needs`);
    }
    return length;
  }

  #byte(what: string): number {
    const byte = this.#bytes[this.#offset++];
    if (byte === undefined) throw new DerError(`${what}: ends in the middle of an element`);
    return byte;
  }
}

function hex(tag: number): string {
  return `0x${tag.toString(16).padStart(2, '0')}`;
}
