/**
 * Messages out of the bytes of one gRPC call: a byte that tells whether it is compressed, its length in four, and the message.
 *
 * This stands in for the decoder of grpc-js, which copies each message out of what was read, and keeps what was read until
 * the next message comes. With a message a second on each of a thousand streams, that is what V8's collector finds alive
 * whenever it looks: it moves it to the old generation, where only a walk over the whole heap frees it, about one in every
 * second, and a walk is a fifth of what a message costs. Here a message that came in one piece is handed out where it
 * stands, and nothing of it is kept.
 */

const headerBytes = 5;

/** What grpc-js asks of a decoder. */
interface Decoder {
  /** @returns the messages that end in `bytes`, each with its header. Throws Error for one that is too long. */
  write(bytes: Buffer): Buffer[];
}

export class MessageFrames implements Decoder {
  readonly #maxBytes: number;
  /** What came of a message that has not ended. */
  #pieces: Buffer[] = [];
  #length = 0;
  /** Of that message with its header; 0 until the header is here. */
  #wanted = 0;
  readonly #onMessage: (bytes: number) => void;

  /** @param maxBytes of one message, without its header. @param onMessage told the size of each, without its header */
  constructor(maxBytes: number, onMessage: (bytes: number) => void = () => undefined) {
    this.#maxBytes = maxBytes;
    this.#onMessage = onMessage;
  }

  write(bytes: Buffer): Buffer[] {
    const messages = this.#messagesIn(bytes);
    for (const message of messages) this.#onMessage(message.length - headerBytes);
    return messages;
  }

  #messagesIn(bytes: Buffer): Buffer[] {
    const messages: Buffer[] = [];
    let at = 0;
    if (this.#length > 0) at = this.#goOn(bytes, messages);
    for (let size = 0; at < bytes.length; at += size) {
      const left = bytes.length - at;
      size = left < headerBytes ? headerBytes : this.#sizeOf(bytes, at);
      if (size > left) this.#begin(bytes.subarray(at));
      else messages.push(bytes.subarray(at, at + size));
    }
    return messages;
  }

  /** Adds to the message that has not ended. @returns how many bytes were its own */
  #goOn(bytes: Buffer, messages: Buffer[]): number {
    let at = 0;
    if (this.#wanted === 0) {
      at = this.#add(bytes, 0, headerBytes);
      if (this.#length < headerBytes) return at;
      this.#pieces = [Buffer.concat(this.#pieces)];
      this.#wanted = this.#sizeOf(this.#pieces[0]!, 0);
    }
    at = this.#add(bytes, at, this.#wanted);
    if (this.#length === this.#wanted) {
      messages.push(Buffer.concat(this.#pieces, this.#wanted));
      this.#pieces = [];
      this.#length = 0;
      this.#wanted = 0;
    }
    return at;
  }

  /** Adds until so many bytes are here. @returns up to where of `bytes` */
  #add(bytes: Buffer, from: number, wanted: number): number {
    const to = Math.min(bytes.length, from + wanted - this.#length);
    if (to > from) this.#pieces.push(bytes.subarray(from, to));
    this.#length += to - from;
    return to;
  }

  #begin(bytes: Buffer): void {
    this.#pieces = [bytes];
    this.#length = bytes.length;
    this.#wanted = bytes.length < headerBytes ? 0 : this.#sizeOf(bytes, 0);
  }

  #sizeOf(bytes: Buffer, at: number): number {
    const size = bytes.readUInt32BE(at + 1);
    if (size <= this.#maxBytes) return size + headerBytes;
    throw new Error(`Received message larger than max (${size} vs ${this.#maxBytes})`);
  }
}

/**
 * Has a call of which nothing has come yet decode its messages so. It reaches into grpc-js, which has no other way for that:
 * where another version keeps its decoder elsewhere, the call stays as it is.
 * @param onMessage as of MessageFrames
 * @returns whether it does
 */
export function decodeByFrames(call: object, maxBytes: number, onMessage?: (bytes: number) => void): boolean {
  const inner = innermostCall(call);
  if (inner === null) return false;
  const decoder: unknown = Reflect.get(inner, 'decoder');
  if (typeof decoder !== 'object' || decoder === null) return false;
  // 0 = between two messages.
  const isUnused = Reflect.get(decoder, 'readState') === 0;
  return (
    isUnused && 'write' in decoder && Reflect.set(inner, 'decoder', new MessageFrames(maxBytes, onMessage))
  );
}

/** Below the interceptors, each of which holds the next one. */
function innermostCall(call: object): object | null {
  let inner: unknown = Reflect.get(call, 'call');
  while (typeof inner === 'object' && inner !== null) {
    const next: unknown = Reflect.get(inner, 'nextCall');
    if (typeof next !== 'object' || next === null) return inner;
    inner = next;
  }
  return null;
}
