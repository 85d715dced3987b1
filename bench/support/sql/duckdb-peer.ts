/**
 * DuckDB in memory, on one thread: it takes columns of numbers from the memory of ours as they are, so loading is what it is
 * best at. See join-run.ts.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { HalfStream } from '../half-stream.ts';
import { type DatabaseTickRun, tickStreams } from './join-run.ts';
import {
  addHalves,
  columnTypes,
  countAll,
  countPairs,
  followInPairs,
  joinAll,
  joinAnew,
  removeHalves,
} from './joins.ts';

/** The word that makes the bench's program run as it. */
export const duckdbPeerRole = 'duckdb-peer';

/** What is used of @duckdb/node-api, which is no dependency: the bench command installs it. */
interface Api {
  readonly DuckDBInstance: {
    create(
      path: string,
      options: Readonly<Record<string, string>>,
    ): Promise<{ connect(): Promise<Connection> }>;
  };
}

interface Connection {
  run(sql: string): Promise<unknown>;
  runAndReadAll(sql: string): Promise<{ getRowsJson(): readonly (readonly string[])[] }>;
  createAppender(table: string): Promise<{ readonly appender: object; flushSync(): void; closeSync(): void }>;
}

/** What is used of @duckdb/node-bindings. */
interface Bindings {
  readonly Type: { readonly INTEGER: number };
  create_logical_type(type: number): object;
  create_data_chunk(types: readonly object[]): object;
  data_chunk_reset(chunk: object): void;
  data_chunk_get_vector(chunk: object, column: number): object;
  data_chunk_set_size(chunk: object, rows: number): void;
  copy_data_to_vector(vector: object, at: number, from: ArrayBufferLike, offset: number, bytes: number): void;
  append_data_chunk(appender: object, chunk: object): void;
}

type Halves = Pick<HalfStream, 'holder' | 'slot' | 'local' | 'remote' | 'ports'>;

/** Rows of one vector. */
const vectorRows = 2048;

/** @param folder where npm has put it */
export async function runDuckdbPeer(folder: string, halfCount: number): Promise<DatabaseTickRun> {
  const installed = createRequire(join(folder, 'package.json'));
  const { DuckDBInstance } = installed('@duckdb/node-api') as Api;
  const bindings = installed('@duckdb/node-bindings') as Bindings;
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const load = async (table: string, columns: readonly Int32Array[]): Promise<void> => {
    await connection.run(`create table ${table}(${columnTypes})`);
    await append(connection, bindings, table, columns);
  };
  const run = async (statements: readonly string[]): Promise<void> => {
    for (const statement of statements) await connection.run(statement);
  };
  const ask = async (sql: string): Promise<number> =>
    Number((await connection.runAndReadAll(sql)).getRowsJson()[0]![0]);

  const { standing, going, coming } = tickStreams(halfCount);
  const [allColumns, gone, fresh] = [standing, going, coming].map(({ halves }) => columnsOf(halves));
  const loadMs = await cpuMsOf(() => load('halves', allColumns!));
  const joinMs = await cpuMsOf(() => run([joinAll]));
  const matched = await ask(countPairs);
  const countMs = await cpuMsOf(() => ask(countAll));
  const takenMs = await cpuMsOf(async () => {
    await load('gone', gone!);
    await load('fresh', fresh!);
    await run([removeHalves, addHalves]);
  });
  const followMs = await cpuMsOf(() => run(followInPairs));
  const tickMatched = await ask(countPairs);
  const anewMs = await cpuMsOf(() => run([joinAnew]));
  if ((await ask(countPairs)) !== tickMatched) throw new Error('DuckDB finds other connections anew');
  return {
    loadMs,
    joinMs,
    matched,
    countMs,
    tickMs: takenMs + followMs,
    anewMs: takenMs + anewMs,
    tickMatched,
  };
}

/** As columnTypes has them. */
function columnsOf({ holder, slot, local, remote, ports }: Halves): Int32Array[] {
  return [holder, slot, local, remote, ports.map((both) => both >>> 16), ports.map((both) => both & 0xffff)];
}

async function append(
  connection: Connection,
  bindings: Bindings,
  table: string,
  columns: readonly Int32Array[],
): Promise<void> {
  const rowCount = columns[0]!.length;
  const appender = await connection.createAppender(table);
  const integer = bindings.create_logical_type(bindings.Type.INTEGER);
  const chunk = bindings.create_data_chunk(columns.map(() => integer));
  for (let from = 0; from < rowCount; from += vectorRows) {
    const rows = Math.min(vectorRows, rowCount - from);
    bindings.data_chunk_reset(chunk);
    for (const [i, { buffer, byteOffset }] of columns.entries()) {
      const vector = bindings.data_chunk_get_vector(chunk, i);
      bindings.copy_data_to_vector(vector, 0, buffer, byteOffset + 4 * from, 4 * rows);
    }
    bindings.data_chunk_set_size(chunk, rows);
    bindings.append_data_chunk(appender.appender, chunk);
  }
  appender.flushSync();
  appender.closeSync();
}

async function cpuMsOf(work: () => Promise<unknown>): Promise<number> {
  const begun = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1000;
}
