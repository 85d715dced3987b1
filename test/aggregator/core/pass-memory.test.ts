/** The passes in WebAssembly do what the same in plain JavaScript does, and reach every word of their memory. */
import { describe, expect, test } from 'vitest';
import { type Block, blockMax } from '../../../aggregator/core/block.ts';
import { rowShift } from '../../../aggregator/core/connection-row.ts';
import { PassMemory } from '../../../aggregator/core/pass-memory.ts';
import { fc } from '../../support/random-cases.ts';

const rowCount = 8;
const cellCount = 40;

/** Few of each, so that equal hashes, equal keys and long runs are frequent. */
const word = fc.constantFrom(0, 1, -1, 0x7fffffff, -0x80000000);
const row = fc.nat(rowCount);
const cell = fc.tuple(word, fc.oneof(row, fc.constant(0)));
const half = fc.record({
  hash: word,
  home: fc.nat(cellCount - 1),
  key: fc.tuple(word, word, word, word),
});

/** The last cell is free, as those behind the last home are. */
const table = fc.record({
  cells: fc.array(cell, { minLength: cellCount, maxLength: cellCount }),
  rows: fc.array(fc.tuple(word, word, word, word), { minLength: rowCount, maxLength: rowCount }),
  halves: fc.array(half, { maxLength: blockMax }),
  reach: fc.nat(12),
});
type Table = typeof table extends fc.Arbitrary<infer Value> ? Value : never;

function memoryOf({ cells, rows, halves }: Table): PassMemory {
  const memory = new PassMemory(2 * (cellCount + 1), rowCount << rowShift);
  memory.cells.set(cells.flat());
  for (const [i, key] of rows.entries()) memory.rows.set(key, i << rowShift);
  const { block } = memory;
  block.ordered = halves.length;
  for (const [k, { hash, home, key }] of halves.entries()) {
    block.hash[k] = hash;
    block.cell[k] = 2 * home;
    for (const [i, column] of keyColumns(block).entries()) column[k] = key[i]!;
  }
  return memory;
}

function keyColumns({ a, b, ports, place }: Block): readonly Int32Array[] {
  return [a, b, ports, place];
}

/** What findCells is to make of one half. */
function walk({ cells }: Table, hash: number, home: number, reach: number): { cell: number; row: number } {
  let way = 0;
  const at = (): readonly [number, number] => cells[home + way] ?? [0, 0];
  while (at()[1] !== 0 && at()[0] !== hash && way < reach) way++;
  return { cell: home + way, row: at()[1] };
}

const none: Table = { cells: [], rows: [], halves: [], reach: 0 };

test('walks end at the first cell that is free, has the hash, or is too far away', () => {
  fc.assert(
    fc.property(table, (given) => {
      const memory = memoryOf(given);
      const longest = memory.findCells(2 * given.reach);
      const found = given.halves.map(({ hash, home }) => walk(given, hash, home, given.reach));
      const { block } = memory;
      expect([...block.cell.subarray(0, block.ordered)]).toEqual(found.map(({ cell }) => 2 * cell));
      const firsts = found.map(({ row }) => Math.max(0, row - 1) << rowShift);
      expect([...block.first.subarray(0, block.ordered)]).toEqual(firsts);
      expect(longest).toBe(Math.max(0, ...found.map(({ cell }, k) => 2 * (cell - given.halves[k]!.home))));
    }),
    { numRuns: 200 },
  );
});

test('halves are parted by whether their cell is taken and the key of its row is theirs', () => {
  fc.assert(
    fc.property(table, (given) => {
      const memory = memoryOf(given);
      const { block } = memory;
      memory.findCells(2 * given.reach);
      memory.partHalves();
      const isKnown = given.halves.map(({ hash, home, key }) => {
        const { row } = walk(given, hash, home, given.reach);
        return row !== 0 && given.rows[row - 1]!.every((each, i) => each === key[i]);
      });
      const numbers = [...given.halves.keys()];
      expect([...block.known.subarray(0, block.knownCount)]).toEqual(numbers.filter((k) => isKnown[k]));
      expect([...block.fresh.subarray(0, block.freshCount)]).toEqual(numbers.filter((k) => !isKnown[k]));
    }),
    { numRuns: 200 },
  );
});

describe('an empty block', () => {
  test('has no half that is known, and none that is not', () => {
    const memory = memoryOf(none);
    memory.block.knownCount = memory.block.freshCount = 7;
    expect(memory.findCells(2)).toBe(0);
    memory.partHalves();
    expect(memory.block).toMatchObject({ knownCount: 0, freshCount: 0 });
  });
});

test('cells and rows begin on cache lines, and a row behind 2 GiB is found', () => {
  const rows = 2 ** 25 + 2;
  const memory = new PassMemory(3, rows << rowShift);
  expect([memory.cells.byteOffset % 64, memory.rows.byteOffset % 64]).toEqual([0, 0]);
  const last = rows - 1;
  const key = [5, -6, 7, 8];
  memory.rows.set(key, last << rowShift);
  memory.cells.set([-9, last + 1]);
  const { block } = memory;
  block.ordered = 1;
  block.hash[0] = -9;
  block.cell[0] = 0;
  for (const [i, column] of keyColumns(block).entries()) column[0] = key[i]!;
  memory.findCells(0);
  memory.fetchRows();
  memory.partHalves();
  expect(block.first[0]).toBe(last << rowShift);
  expect(block.knownCount).toBe(1);
});

test('positions below the first row are read without harm', () => {
  const memory = memoryOf(none);
  memory.block.ordered = blockMax;
  memory.block.first.fill(-1);
  memory.block.cell.fill(-1);
  memory.fetchRows();
  memory.fetchCells();
  expect(memory.rows.every((each) => each === 0)).toBe(true);
});

test('more than 4 GiB are refused in words', () => {
  expect(() => new PassMemory(2, 2 ** 30)).toThrow(
    new RangeError('the core reaches 4 GiB; so many connections take 65537 pages of 64 KiB'),
  );
});
