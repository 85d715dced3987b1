/**
 * Memory into which recvmmsg(2) puts many datagrams in one call. Used again by the next call, for whichever socket.
 *
 *     struct mmsghdr, 64 bytes                          struct iovec, 16 bytes
 *      0 u64 name    16 u64 iovecs, 24 u64 their number   0 u64 address
 *     32 u64 control                                      8 u64 length
 *     48 i32 flags   56 u32 length received
 *
 * The structs point at each other by address, so all three buffers live as long as this object.
 */
import type { DatagramCalls } from './datagram-calls.ts';

const headerBytes = 64;
const headerAt = { iovecs: 16, iovecCount: 24, flags: 48, length: 56 } as const;
const iovecBytes = 16;

/** MSG_DONTWAIT and MSG_TRUNC of recv(2). */
const dontWait = 0x40;
const truncated = 0x20;

export class ReceiveBatch {
  readonly #calls: DatagramCalls;
  readonly #count: number;
  readonly #room: number;
  readonly #headers: Buffer;
  readonly #iovecs: Buffer;
  /** Where `start` and `end` point into. */
  readonly bytes: Buffer;

  /**
   * @param count datagrams per call
   * @param room bytes for each; what is longer is left out
   */
  constructor(calls: DatagramCalls, count: number, room: number) {
    this.#calls = calls;
    this.#count = count;
    this.#room = room;
    this.#headers = Buffer.alloc(count * headerBytes);
    this.#iovecs = Buffer.alloc(count * iovecBytes);
    this.bytes = Buffer.alloc(count * room);
    const bytesAddress = calls.address(this.bytes);
    const iovecsAddress = calls.address(this.#iovecs);
    for (let i = 0; i < count; i++) {
      this.#iovecs.writeBigUInt64LE(bytesAddress + BigInt(i * room), i * iovecBytes);
      this.#iovecs.writeBigUInt64LE(BigInt(room), i * iovecBytes + 8);
      this.#headers.writeBigUInt64LE(
        iovecsAddress + BigInt(i * iovecBytes),
        i * headerBytes + headerAt.iovecs,
      );
      this.#headers.writeBigUInt64LE(1n, i * headerBytes + headerAt.iovecCount);
    }
  }

  /** Takes what waits in the queue of a socket, without waiting. Number of datagrams; -1 with errno when there is none. */
  receive(fd: number): number {
    return this.#calls.recvmmsg(fd, this.#headers, this.#count, dontWait);
  }

  /** Where the datagram `i` of the last call begins. */
  start(i: number): number {
    return i * this.#room;
  }

  /** Where it ends; where it begins when it did not fit. */
  end(i: number): number {
    const header = i * headerBytes;
    const isWhole = (this.#headers.readUInt32LE(header + headerAt.flags) & truncated) === 0;
    return this.start(i) + (isWhole ? this.#headers.readUInt32LE(header + headerAt.length) : 0);
  }
}
