/**
 * Records that wait to be written, encoded one after the other in pieces of memory that are used again: a message costs one
 * copy, and nothing of what it came in is kept.
 */
import { encodeRecord, lengthOf, recordHeaderBytes } from './records.ts';

/** Size of a piece. A longer record has one of its own. */
const pieceBytes = 256 * 1024;

/** Pieces that are kept for the next records. */
const sparePiecesMax = 4;

interface Piece {
  readonly memory: Buffer;
  used: number;
}

/** The pieces that are free now, for one buffer after the other. */
export class SparePieces {
  readonly #spare: Buffer[] = [];

  take(length: number): Buffer {
    if (length > pieceBytes) return Buffer.allocUnsafeSlow(length);
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(pieceBytes);
  }

  giveBack(memory: Buffer): void {
    if (memory.length === pieceBytes && this.#spare.length < sparePiecesMax) this.#spare.push(memory);
  }
}

export class RecordBuffer {
  readonly #spare: SparePieces;
  readonly #pieces: Piece[] = [];
  /** Bytes of all records, with their headers. */
  bytes = 0;

  constructor(spare: SparePieces) {
    this.#spare = spare;
  }

  /** Takes a copy of a record, which is made of those parts. @returns its bytes with its header */
  add(parts: readonly Buffer[]): number {
    const length = recordHeaderBytes + lengthOf(parts);
    let piece = this.#pieces.at(-1);
    if (piece === undefined || piece.used + length > piece.memory.length) {
      piece = { memory: this.#spare.take(length), used: 0 };
      this.#pieces.push(piece);
    }
    piece.used = encodeRecord(parts, piece.memory, piece.used);
    this.bytes += length;
    return length;
  }

  /** What was added, in order. */
  pieces(): Buffer[] {
    return this.#pieces.map(({ memory, used }) => memory.subarray(0, used));
  }

  /** Gives the memory back: nobody reads the pieces any more. */
  release(): void {
    for (const { memory } of this.#pieces) this.#spare.giveBack(memory);
    this.#pieces.length = 0;
    this.bytes = 0;
  }
}
