/**
 * The memory over which the passes for a block of halves go, and those of them that wait for it. These are WebAssembly.
 *
 *     block      columns of the block (block.ts), from address 0
 *     cells      of the index (moving-index.ts), from a cache line on
 *     rows       of connections (connection-row.ts), the same
 *
 * How many reads are under way at a time is limited by how many loads the processor keeps in flight, some hundred. To read
 * one word of one array, and with that one of another, V8 takes eleven: what the arrays are, where they begin, how long they
 * are, whether to stop. WebAssembly takes two, as C does. All else gains little by it and is JavaScript, over the same memory.
 *
 * The memory is shared, so that other threads can look at rows. Pages are taken as they are first written to, so it is
 * reserved for the largest size at once.
 */
import { Block, blockWords, type ColumnName, columnAt } from './block.ts';
import { encodeMemoryPasses, type MemoryPasses } from './memory-passes.ts';
import { memoryName, pageBytes, pagesMax } from './wasm-writer.ts';

/** What it takes of the global of that name, of which no types come with Node.js. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Memory: new (limits: {
    initial: number;
    maximum: number;
    shared: true;
  }) => {
    readonly buffer: SharedArrayBuffer;
  };
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};

const lineBytes = 64;

export class PassMemory {
  readonly block: Block;
  readonly cells: Int32Array<SharedArrayBuffer>;
  readonly rows: Int32Array<SharedArrayBuffer>;
  readonly #passes: MemoryPasses;

  /** Throws RangeError where the machine does not give so much, or 4 GiB are not enough. */
  constructor(cellWords: number, rowWords: number) {
    const cellsFrom = upToLine(blockWords * 4);
    const rowsFrom = upToLine(cellsFrom + cellWords * 4);
    const pages = Math.ceil((rowsFrom + rowWords * 4) / pageBytes);
    if (pages > pagesMax)
      throw new RangeError(`the core reaches 4 GiB; so many connections take ${pages} pages of 64 KiB`);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.block = new Block(new Int32Array(memory.buffer, 0, blockWords));
    this.cells = new Int32Array(memory.buffer, cellsFrom, cellWords);
    this.rows = new Int32Array(memory.buffer, rowsFrom, rowWords);
    const imports = { [memoryName]: { [memoryName]: memory } };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(encodeMemoryPasses()), imports);
    this.#passes = exports as MemoryPasses;
  }

  /** Fetches the cells of block.cell. */
  fetchCells(): void {
    this.#fetch(this.cells, 'cell');
  }

  /** Fetches the rows of block.first. */
  fetchRows(): void {
    this.#fetch(this.rows, 'first');
  }

  /**
   * Walks from each home in block.cell to the first cell that is free, or has the hash, or is `reach` words away, and puts it
   * there; into block.first, the row that it has, or row 0.
   * @returns the longest way, in words
   */
  findCells(reach: number): number {
    return this.#passes.findCells(this.cells.byteOffset, reach * 4, this.block.ordered) / 4;
  }

  /**
   * Parts the halves whose key has the row that was found from the others. Without branches: which they are, half of them in
   * the long run, no processor can foresee. All later passes take each kind in a loop of its own.
   */
  partHalves(): void {
    const { block, cells, rows } = this;
    block.knownCount = this.#passes.partHalves(cells.byteOffset, rows.byteOffset, block.ordered);
    block.freshCount = block.ordered - block.knownCount;
  }

  #fetch(words: Int32Array, column: ColumnName): void {
    const first = columnAt(column) * 4;
    this.#passes.fetch(words.byteOffset, first, first + this.block.ordered * 4);
  }
}

function upToLine(bytes: number): number {
  return Math.ceil(bytes / lineBytes) * lineBytes;
}
