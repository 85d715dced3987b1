/** A ring that is written here as the kernel writes it: records in order, passed over, under way, and round the end. */
import { describe, expect, it } from 'vitest';
import type { BpfCalls } from '../../../agent/bpf/bpf-calls.ts';
import { RingBuffer } from '../../../agent/bpf/ring-buffer.ts';

const pageBytes = 4096;
const [headerBytes, busyBit, discardedBit] = [8, 0x80000000, 0x40000000];

/** The kernel's side of a ring of one page. */
class FakeRing {
  readonly consumer = Buffer.from(new ArrayBuffer(pageBytes));
  readonly producer = Buffer.from(new ArrayBuffer(2 * pageBytes));
  /** Lengths of what was mapped. */
  readonly mapped: number[] = [];
  #written = 0;

  /** Its first word counts up from `first`. @param mark of its header. @returns where its header is */
  write(first: number, words: number, mark = 0): number {
    const at = this.#written % pageBytes;
    this.#put(at, (words * 4) | mark);
    for (let i = 0; i < words; i++) this.#put((at + headerBytes + 4 * i) % pageBytes, first + i);
    this.#written += (headerBytes + words * 4 + 7) & ~7;
    this.producer.writeBigUInt64LE(BigInt(this.#written), 0);
    return at;
  }

  /** A record that was busy is done. */
  finish(at: number, words: number): void {
    this.#put(at, words * 4);
  }

  #put(at: number, value: number): void {
    this.producer.writeUInt32LE(value >>> 0, pageBytes + at);
  }

  get calls(): BpfCalls {
    return {
      pageBytes,
      bpf: () => 7,
      bpfAside: () => Promise.resolve({ result: 7, errno: 0 }),
      map: (_fd, length, part) => {
        this.mapped.push(length);
        return { bytes: part === undefined ? this.consumer : this.producer, unmap: () => {} };
      },
      close: () => 0,
      address: () => 0n,
      socket: () => -1,
      errno: () => 0,
    };
  }
}

function drained(ring: RingBuffer, words: number): number[][] {
  const records: number[][] = [];
  ring.drain(1000, (all, at) => records.push([...all.subarray(at, at + words)]));
  return records;
}

describe('a ring', () => {
  it('is mapped once, and read in the order of writing', () => {
    const fake = new FakeRing();
    const ring = RingBuffer.create(fake.calls, 'events', pageBytes);
    fake.write(10, 4);
    fake.write(20, 4, discardedBit);
    fake.write(30, 4);
    expect(drained(ring, 4)).toEqual([
      [10, 11, 12, 13],
      [30, 31, 32, 33],
    ]);
    expect(fake.mapped).toEqual([pageBytes, 2 * pageBytes]);
    expect(fake.consumer.readBigUInt64LE(0)).toBe(72n);
  });

  it('waits for a record that is under way', () => {
    const fake = new FakeRing();
    const ring = RingBuffer.create(fake.calls, 'events', pageBytes);
    const at = fake.write(10, 2, busyBit);
    fake.write(20, 2);
    expect(drained(ring, 2)).toEqual([]);
    fake.finish(at, 2);
    expect(drained(ring, 2)).toEqual([
      [10, 11],
      [20, 21],
    ]);
  });

  it('tells records whole that go round its end, wherever that is in them', () => {
    const fake = new FakeRing();
    const ring = RingBuffer.create(fake.calls, 'events', pageBytes);
    // 152 bytes each, as events have: the end of the ring comes at another place in each round.
    const words = 36;
    for (let first = 0; first < 200_000; first += 1_000) {
      fake.write(first, words);
      expect(drained(ring, words)).toEqual([Array.from({ length: words }, (_, i) => first + i)]);
    }
  });
});
