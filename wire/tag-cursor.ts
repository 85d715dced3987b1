/**
 * A place in the bytes of an AgentMessage, for what reads its tags itself. What it throws is always a WireError
 * `not-a-message`.
 *
 *     field    varint number << 3 | type, then by type:
 *     type 0   varint
 *     type 1   8 bytes
 *     type 2   varint length, bytes
 *     type 5   4 bytes
 *
 * (https://protobuf.dev/programming-guides/encoding.)
 */
import { wireTypes } from './message-type.ts';
import { low32In, uint64In, varintBytesMax } from './varint.ts';
import { WireError } from './wire-error.ts';

export class TagCursor {
  #bytes: Buffer = Buffer.alloc(0);
  #end = 0;
  at = 0;

  /** From here on it reads these bytes, or those of a message in them. */
  begin(bytes: Buffer, at: number, end: number): void {
    this.#bytes = bytes;
    this.at = at;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#end;
  }

  /** Of at most 32 bits: all that keys and lengths need. */
  uint32(): number {
    const first = this.#bytes[this.at]!;
    if (first < 0x80 && this.at < this.#end) {
      this.at++;
      return first;
    }
    const value = this.uint64();
    return value <= 0xffffffff ? value : this.#fail('a number is too long');
  }

  /** The low 32 bits: a number of 32 bits may have ten bytes. */
  low32(): number {
    const start = this.at;
    this.at = this.#varintEnd();
    return low32In(this.#bytes, start, this.at) >>> 0;
  }

  /** Inexact from 2^53 on. */
  uint64(): number {
    const start = this.at;
    this.at = this.#varintEnd();
    return uint64In(this.#bytes, start, this.at);
  }

  /** Passes over what follows a key, but for the length of what has one. @returns where that starts */
  pass(type: number): number {
    const length = this.#lengthOf(type);
    const start = this.at;
    this.at += length;
    if (this.at > this.#end) this.#fail('a field claims more bytes than there are');
    return start;
  }

  #lengthOf(type: number): number {
    if (type === wireTypes.bytes) return this.uint32();
    if (type === wireTypes.fixed32) return 4;
    if (type === wireTypes.fixed64) return 8;
    return type === wireTypes.varint
      ? this.#varintEnd() - this.at
      : this.#fail(`a field has wire type ${type}`);
  }

  /** Behind the varint that starts here. */
  #varintEnd(): number {
    const last = Math.min(this.#end, this.at + varintBytesMax);
    for (let at = this.at; at < last; at++) if (this.#bytes[at]! < 0x80) return at + 1;
    return this.#fail(last === this.#end ? 'it ends within a number' : 'a number is too long');
  }

  #fail(why: string): never {
    throw notAMessage(this.#bytes, why);
  }
}

/** Also for what is wrong beside the tags. */
export function notAMessage(bytes: Buffer, why: string): WireError {
  return new WireError('not-a-message', `${bytes.length} bytes are no AgentMessage (${why})`);
}
