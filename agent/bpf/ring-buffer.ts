/**
 * A ring buffer (BPF_MAP_TYPE_RINGBUF) that programs write and the agent reads, in its own memory.
 *
 *     page 0            u64 position up to which the agent has read     written by the agent
 *     page 1            u64 position up to which programs have written  read only
 *     page 2 ...        the data; behind it the kernel shows it once more, which is not mapped
 *
 * Each page that is mapped counts as memory of the agent, whether it ever looks at it or not. So of the data only the window
 * is mapped in which the next record is; a record that goes beyond its end is put together.
 *
 *     record, 8 bytes aligned:  u32 length, with bit 31 while it is written and bit 30 when it is to be passed over,
 *                               u32 that means nothing here, then the bytes
 */
import type { BpfCalls, Mapping } from './bpf-calls.ts';
import { BpfError } from './bpf-error.ts';
import { createRing } from './syscall.ts';

const headerBytes = 8;
const busyBit = 0x80000000;
const discardedBit = 0x40000000;
const lengthMask = 0x3fffffff;

/** Called with words among which a record's bytes begin at `at`. They are gone when the call returns. */
export type ReadRecord = (words: Uint32Array, at: number) => void;

/** How much of the data is mapped at a time: another window takes some 20 µs, and is due after 1,000 connections. */
export const ringWindowBytes = 256 << 10;

/** The ring in the agent's memory. Views of it must not be touched after close(). */
interface MappedRing {
  readonly consumer: Mapping;
  readonly producer: Mapping;
  /** Both positions: they only ever grow. */
  readonly readUpTo: BigUint64Array;
  readonly writtenUpTo: BigUint64Array;
}

/** Some of the data. */
interface RingWindow {
  /** Where in the data it begins. */
  readonly start: number;
  readonly mapping: Mapping;
  readonly words: Uint32Array;
}

export class RingBuffer {
  /** For programs. */
  readonly fd: number;
  readonly bytes: number;
  /** Most bytes that waited at the beginning of a drain, since the start. */
  mostWaiting = 0;
  readonly #calls: BpfCalls;
  readonly #windowBytes: number;
  #ring: MappedRing | null;
  /** Null before the first record. */
  #window: RingWindow | null = null;
  #position = 0;

  private constructor(calls: BpfCalls, fd: number, bytes: number, windowBytes: number, ring: MappedRing) {
    this.#calls = calls;
    this.fd = fd;
    this.bytes = bytes;
    this.#windowBytes = windowBytes;
    this.#ring = ring;
  }

  /** @param bytes a power of two, and whole pages, as is `windowBytes`. Throws BpfError. */
  static create(
    calls: BpfCalls,
    name: string,
    bytes: number,
    windowBytes: number = ringWindowBytes,
  ): RingBuffer {
    const fd = createRing(calls, name, bytes);
    try {
      const ring = mapRing(calls, name, fd);
      return new RingBuffer(calls, fd, bytes, Math.min(bytes, windowBytes), ring);
    } catch (error) {
      calls.close(fd);
      throw error;
    }
  }

  /**
   * Reads up to `recordsMax` records, oldest first, and frees their place.
   *
   * @returns how many it read; fewer than `recordsMax` when no more are there, or their window is not to be mapped now
   */
  drain(recordsMax: number, read: ReadRecord): number {
    if (this.#ring === null) return 0;
    const { writtenUpTo, readUpTo } = this.#ring;
    const end = Number(Atomics.load(writtenUpTo, 0));
    this.mostWaiting = Math.max(this.mostWaiting, end - this.#position);
    let records = 0;
    while (this.#position < end && records < recordsMax) {
      const place = this.#position % this.bytes;
      const window = this.#windowAt(place);
      if (window === null) break;
      const at = (place - window.start) >> 2;
      const header = Atomics.load(window.words, at);
      if ((header & busyBit) !== 0) break;
      const length = header & lengthMask;
      if ((header & discardedBit) === 0 && !this.#read(window, at + headerBytes / 4, length, read)) break;
      this.#position += (headerBytes + length + 7) & ~7;
      records++;
    }
    if (records > 0) Atomics.store(readUpTo, 0, BigInt(this.#position));
    return records;
  }

  /** @param at where in the window the record's bytes begin. @returns false where they cannot be mapped */
  #read({ start, words }: RingWindow, at: number, length: number, read: ReadRecord): boolean {
    const count = Math.ceil(length / 4);
    if (at + count <= words.length) {
      read(words, at);
      return true;
    }
    const record = this.#joined(start + at * 4, count);
    if (record !== null) read(record, 0);
    return record !== null;
  }

  /** Words that go on in the next window, or at the beginning of the data; null where they cannot be mapped. */
  #joined(place: number, count: number): Uint32Array | null {
    const record = new Uint32Array(count);
    for (let i = 0; i < count; ) {
      const at = (place + i * 4) % this.bytes;
      const window = this.#windowAt(at);
      if (window === null) return null;
      const from = (at - window.start) >> 2;
      const part = window.words.subarray(from, from + count - i);
      record.set(part, i);
      i += part.length;
    }
    return record;
  }

  /** The window in which a place of the data is; null when the kernel does not map it. */
  #windowAt(place: number): RingWindow | null {
    const start = place - (place % this.#windowBytes);
    if (this.#window?.start === start) return this.#window;
    this.#window?.mapping.unmap();
    this.#window = null;
    const offset = 2 * this.#calls.pageBytes + start;
    const mapping = this.#calls.map(this.fd, this.#windowBytes, { offset, isReadOnly: true });
    if (mapping === null) return null;
    const { buffer, byteOffset, length } = mapping.bytes;
    this.#window = { start, mapping, words: new Uint32Array(buffer, byteOffset, length / 4) };
    return this.#window;
  }

  /** Idempotent. */
  close(): void {
    if (this.#ring === null) return;
    const { consumer, producer } = this.#ring;
    this.#ring = null;
    consumer.unmap();
    producer.unmap();
    this.#window?.mapping.unmap();
    this.#window = null;
    this.#calls.close(this.fd);
  }
}

function mapRing(calls: BpfCalls, name: string, fd: number): MappedRing {
  const { pageBytes } = calls;
  const refuse = (): never => {
    throw new BpfError(`map the map ${name}`, calls.errno());
  };
  const consumer = calls.map(fd, pageBytes) ?? refuse();
  const part = { offset: pageBytes, isReadOnly: true };
  const producer = calls.map(fd, pageBytes, part);
  if (producer === null) {
    consumer.unmap();
    return refuse();
  }
  return {
    consumer,
    producer,
    readUpTo: new BigUint64Array(consumer.bytes.buffer, consumer.bytes.byteOffset, 1),
    writtenUpTo: new BigUint64Array(producer.bytes.buffer, producer.bytes.byteOffset, 1),
  };
}
