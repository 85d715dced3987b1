/**
 * The passes that wait for memory, in WebAssembly: pass-memory.ts says why, and what they go over. Arguments are addresses in
 * bytes, but for numbers of halves; the columns of the block begin at address 0.
 *
 *     fetch        reads what later passes want, so that they wait for all of it together
 *     findCells    walks from homes to the first cell that is free or has the hash
 *     partHalves   compares keys: which are known, and which are not
 */
import { type ColumnName, columnAt } from './block.ts';
import { rowShift } from './connection-row.ts';
import {
  add,
  atLeast,
  type Code,
  choose,
  differ,
  encodeModule,
  equal,
  high,
  type Local,
  less,
  load,
  load64,
  loopWhile,
  low,
  or,
  repeatWhile,
  shiftLeft,
  shiftRight,
  store,
  subtract,
  type Value,
  type WasmFunction,
  wasmFunction,
  xor,
} from './wasm-writer.ts';

export interface MemoryPasses {
  /** Reads what is at the positions that stand from one address to another. @returns what was read, so that the reading is not left out */
  fetch(words: number, positions: number, end: number): number;
  /** @param reach in bytes @returns the longest way, in bytes */
  findCells(cells: number, reach: number, count: number): number;
  /** @returns how many are known */
  partHalves(cells: number, rows: number, count: number): number;
}

/** A word, and a cell of [hash, row + 1]. */
const wordBytes = 4;
const cellBytes = 8;

/** Columns hold a multiple of this; what stands behind the last position asked for is read as well. */
const readsPerTurn = 4;

/** The module that exports them. */
export function encodeMemoryPasses(): Uint8Array<ArrayBuffer> {
  return encodeModule({ fetch: fetch(), findCells: findCells(), partHalves: partHalves() });
}

/** The address of words[index]. */
function wordAt(words: Value, index: Value): Code {
  return add(words, shiftLeft(index, 2));
}

/** Of the half whose columns are `half` bytes further than those of the first. */
function ofHalf(half: Local, column: ColumnName): Code {
  return load(half, columnAt(column) * wordBytes);
}

function setOfHalf(half: Local, column: ColumnName, value: Value): Code {
  return store(half, value, columnAt(column) * wordBytes);
}

/**
 * It reads the word behind each position and the one behind that. Where a cell is the last of its cache line, that is one read
 * of both lines, as many walks go on in the next.
 */
function fetch(): WasmFunction {
  return wasmFunction(['words', 'position', 'end'], ({ words, position, end }, local) => {
    const read = local();
    const readNext = (turn: number): Code =>
      read.set(xor(read, low(load64(wordAt(words, load(position, turn * wordBytes)), wordBytes))));
    return [
      loopWhile(
        less(position, end),
        ...Array.from({ length: readsPerTurn }, (_, turn) => readNext(turn)),
        position.set(add(position, readsPerTurn * wordBytes)),
      ),
      read.get,
    ];
  });
}

/** The reasons to stop are one branch: how far it is can mostly be foreseen, which of them it is cannot. */
function findCells(): WasmFunction {
  return wasmFunction(['cells', 'reach', 'count'], ({ cells, reach, count }, local, local64) => {
    const [half, hash, home, at, row, longest] = [local(), local(), local(), local(), local(), local()];
    const cell = local64();
    const isThere = or(equal(row, 0), equal(low(cell), hash));
    const way = subtract(at, home);
    return [
      loopWhile(
        less(half, shiftLeft(count, 2)),
        hash.set(ofHalf(half, 'hash')),
        home.set(wordAt(cells, ofHalf(half, 'cell'))),
        at.set(subtract(home, cellBytes)),
        repeatWhile(
          equal(or(isThere, atLeast(way, reach)), 0),
          at.set(add(at, cellBytes)),
          cell.set(load64(at)),
          row.set(high(cell)),
        ),
        longest.set(choose(less(longest, way), way, longest)),
        setOfHalf(half, 'cell', shiftRight(subtract(at, cells), 2)),
        // A free cell fetches row 0, which is in the cache.
        setOfHalf(half, 'first', shiftLeft(subtract(row, differ(row, 0)), rowShift)),
        half.set(add(half, wordBytes)),
      ),
      longest.get,
    ];
  });
}

/** Without branches: each half is written behind those of both kinds, of which one goes on. */
function partHalves(): WasmFunction {
  return wasmFunction(['cells', 'rows', 'count'], ({ cells, rows, count }, local) => {
    const [k, half, row, known, fresh, isFresh] = [local(), local(), local(), local(), local(), local()];
    const inKey = (word: number, column: ColumnName): Code =>
      xor(load(row, word * wordBytes), ofHalf(half, column));
    const ofAddresses = or(inKey(0, 'a'), inKey(1, 'b'));
    const ofRest = or(inKey(2, 'ports'), inKey(3, 'place'));
    const isFree = equal(load(wordAt(cells, ofHalf(half, 'cell')), wordBytes), 0);
    return [
      loopWhile(
        less(k, count),
        row.set(wordAt(rows, ofHalf(half, 'first'))),
        isFresh.set(or(isFree, differ(or(ofAddresses, ofRest), 0))),
        setOfHalf(known, 'known', k),
        setOfHalf(fresh, 'fresh', k),
        known.set(add(known, shiftLeft(equal(isFresh, 0), 2))),
        fresh.set(add(fresh, shiftLeft(isFresh, 2))),
        half.set(add(half, wordBytes)),
        k.set(add(k, 1)),
      ),
      shiftRight(known, 2),
    ];
  });
}
