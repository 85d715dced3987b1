/** A ring that is written here as the kernel writes it: records in order, passed over, under way, and round the end. */
import { describe, expect, it } from 'vitest';
import type { BpfCalls } from '../../../agent/bpf/bpf-calls.ts';
import { RingBuffer } from '../../../agent/bpf/ring-buffer.ts';

const pageBytes = 4096;
const [headerBytes, busyBit, discardedBit] = [8, 0x80000000, 0x40000000];

/** Of the ring, and of what is mapped of it at a time. */
const [ringBytes, windowBytes] = [2 * pageBytes, pageBytes];

/** The kernel's side of a ring of two pages. */
class FakeRing {
  readonly consumer = Buffer.from(new ArrayBuffer(pageBytes));
  readonly producer = Buffer.from(new ArrayBuffer(pageBytes));
  readonly data = Buffer.from(new ArrayBuffer(ringBytes));
  /** Offset and length of what was mapped, and offsets of what was unmapped. */
  readonly mapped: [number, number][] = [];
  readonly unmapped: number[] = [];
  isRefused = false;
  #written = 0;

  /** Its first word counts up from `first`. @param mark of its header. @returns where its header is */
  write(first: number, words: number, mark = 0): number {
    const at = this.#written % ringBytes;
    this.#put(at, (words * 4) | mark);
    for (let i = 0; i < words; i++) this.#put((at + headerBytes + 4 * i) % ringBytes, first + i);
    this.#written += (headerBytes + words * 4 + 7) & ~7;
    this.producer.writeBigUInt64LE(BigInt(this.#written), 0);
    return at;
  }

  /** A record that was busy is done. */
  finish(at: number, words: number): void {
    this.#put(at, words * 4);
  }

  #put(at: number, value: number): void {
    this.data.writeUInt32LE(value >>> 0, at);
  }

  #part(offset: number, length: number): Buffer {
    if (offset < 2 * pageBytes) return offset === 0 ? this.consumer : this.producer;
    return this.data.subarray(offset - 2 * pageBytes, offset - 2 * pageBytes + length);
  }

  get calls(): BpfCalls {
    return {
      pageBytes,
      bpf: () => 7,
      bpfAside: () => Promise.resolve({ result: 7, errno: 0 }),
      map: (_fd, length, { offset } = { offset: 0, isReadOnly: false }) => {
        if (this.isRefused) return null;
        this.mapped.push([offset, length]);
        return { bytes: this.#part(offset, length), unmap: () => void this.unmapped.push(offset) };
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
  it('is read in the order of writing', () => {
    const fake = new FakeRing();
    const ring = RingBuffer.create(fake.calls, 'events', ringBytes, windowBytes);
    fake.write(10, 4);
    fake.write(20, 4, discardedBit);
    fake.write(30, 4);
    expect(drained(ring, 4)).toEqual([
      [10, 11, 12, 13],
      [30, 31, 32, 33],
    ]);
    expect(fake.consumer.readBigUInt64LE(0)).toBe(72n);
  });

  it('waits for a record that is under way', () => {
    const fake = new FakeRing();
    const ring = RingBuffer.create(fake.calls, 'events', ringBytes, windowBytes);
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
    const ring = RingBuffer.create(fake.calls, 'events', ringBytes, windowBytes);
    // 152 bytes each, as events have: the end of the ring comes at another place in each round.
    const words = 36;
    for (let first = 0; first < 200_000; first += 1_000) {
      fake.write(first, words);
      expect(drained(ring, words)).toEqual([Array.from({ length: words }, (_, i) => first + i)]);
    }
  });

  it('has one window of its data mapped at a time, and none before there is a record', () => {
    const fake = new FakeRing();
    const ring = RingBuffer.create(fake.calls, 'events', ringBytes, windowBytes);
    const positions = [0, pageBytes].map((offset) => [offset, pageBytes]);
    expect([drained(ring, 1), fake.mapped]).toEqual([[], positions]);
    const [first, second] = [2 * pageBytes, 3 * pageBytes];
    // 4,080 bytes, 24 that go over from one window to the other, and 4,080 again.
    for (const [i, words] of [1018, 4, 1018].entries()) fake.write(i, words);
    expect(drained(ring, 1)).toEqual([[0], [1], [2]]);
    expect(fake.mapped.slice(2)).toEqual([first, second].map((offset) => [offset, windowBytes]));
    expect(fake.unmapped).toEqual([first]);
    ring.close();
    expect(fake.unmapped).toEqual([first, 0, pageBytes, second]);
  });

  it('keeps what cannot be mapped for the next time', () => {
    const fake = new FakeRing();
    const ring = RingBuffer.create(fake.calls, 'events', ringBytes, windowBytes);
    fake.write(10, 2);
    fake.isRefused = true;
    expect(drained(ring, 2)).toEqual([]);
    fake.isRefused = false;
    expect(drained(ring, 2)).toEqual([[10, 11]]);
  });
});
