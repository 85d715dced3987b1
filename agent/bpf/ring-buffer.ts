/**
 * A ring buffer (BPF_MAP_TYPE_RINGBUF) that programs write and the agent reads, in its own memory and without a call.
 *
 *     page 0            u64 position up to which the agent has read     written by the agent
 *     page 1            u64 position up to which programs have written  read only
 *     page 2 ...        the data; behind it the kernel shows it once more, which is not mapped: each of its pages would
 *                       count as memory of the agent twice. A record that goes round the end is put together instead.
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

/** The ring in the agent's memory. Views of it must not be touched after close(). */
interface MappedRing {
  readonly consumer: Mapping;
  readonly producer: Mapping;
  /** Both positions: they only ever grow. */
  readonly readUpTo: BigUint64Array;
  readonly writtenUpTo: BigUint64Array;
  readonly words: Uint32Array;
}

export class RingBuffer {
  /** For programs. */
  readonly fd: number;
  readonly bytes: number;
  /** Most bytes that waited at the beginning of a drain, since the start. */
  mostWaiting = 0;
  readonly #calls: BpfCalls;
  #ring: MappedRing | null;
  #position = 0;

  private constructor(calls: BpfCalls, fd: number, bytes: number, ring: MappedRing) {
    this.#calls = calls;
    this.fd = fd;
    this.bytes = bytes;
    this.#ring = ring;
  }

  /** @param bytes a power of two, and whole pages. Throws BpfError. */
  static create(calls: BpfCalls, name: string, bytes: number): RingBuffer {
    const fd = createRing(calls, name, bytes);
    try {
      return new RingBuffer(calls, fd, bytes, mapRing(calls, name, fd, bytes));
    } catch (error) {
      calls.close(fd);
      throw error;
    }
  }

  /**
   * Reads up to `recordsMax` records, oldest first, and frees their place.
   *
   * @returns how many it read; fewer than `recordsMax` when no more are there
   */
  drain(recordsMax: number, read: ReadRecord): number {
    if (this.#ring === null) return 0;
    const { words, writtenUpTo, readUpTo } = this.#ring;
    const end = Number(Atomics.load(writtenUpTo, 0));
    this.mostWaiting = Math.max(this.mostWaiting, end - this.#position);
    let records = 0;
    while (this.#position < end && records < recordsMax) {
      const at = (this.#position % this.bytes) >> 2;
      const header = Atomics.load(words, at);
      if ((header & busyBit) !== 0) break;
      const length = header & lengthMask;
      if ((header & discardedBit) === 0) {
        const from = at + headerBytes / 4;
        const end = from + Math.ceil(length / 4);
        if (end <= words.length) read(words, from);
        else read(joined(words, from, end), 0);
      }
      this.#position += (headerBytes + length + 7) & ~7;
      records++;
    }
    if (records > 0) Atomics.store(readUpTo, 0, BigInt(this.#position));
    return records;
  }

  /** Idempotent. */
  close(): void {
    if (this.#ring === null) return;
    const { consumer, producer } = this.#ring;
    this.#ring = null;
    consumer.unmap();
    producer.unmap();
    this.#calls.close(this.fd);
  }
}

/** A record that goes on at the beginning of `words`. @param end behind it, as if `words` went on */
function joined(words: Uint32Array, from: number, end: number): Uint32Array {
  const record = new Uint32Array(end - from);
  for (let i = 0; i < record.length; i++) record[i] = words[(from + i) % words.length]!;
  return record;
}

function mapRing(calls: BpfCalls, name: string, fd: number, bytes: number): MappedRing {
  const { pageBytes } = calls;
  const refuse = (): never => {
    throw new BpfError(`map the map ${name}`, calls.errno());
  };
  const consumer = calls.map(fd, pageBytes) ?? refuse();
  const part = { offset: pageBytes, isReadOnly: true };
  const producer = calls.map(fd, pageBytes + bytes, part);
  if (producer === null) {
    consumer.unmap();
    return refuse();
  }
  const data = producer.bytes.subarray(pageBytes);
  return {
    consumer,
    producer,
    readUpTo: new BigUint64Array(consumer.bytes.buffer, consumer.bytes.byteOffset, 1),
    writtenUpTo: new BigUint64Array(producer.bytes.buffer, producer.bytes.byteOffset, 1),
    words: new Uint32Array(data.buffer, data.byteOffset, data.length / 4),
  };
}
