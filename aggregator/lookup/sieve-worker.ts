/**
 * The program of the thread that looks at rows of the core for questions (sieve-thread.ts), while the thread that writes them
 * goes on. It answers one block at a time, so that questions share it, and knows of each question its plan alone.
 */
import { isMainThread, type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { isLive } from '../core/connection-row.ts';
import { rowSieve, type SievedWords } from './row-sieve.ts';
import { type FromSieve, type SieveWorkerData, sieveProtocol, type ToSieve } from './sieve-messages.ts';

/** Rows found in one block, at most. */
const foundMax = 4_096;

/** Rows looked at for one block, at most: some 10 ms. */
const lookedMax = 1 << 19;

function answer(port: MessagePort, words: SievedWords): void {
  const sieves = new Map<number, (row: number) => boolean>();
  const found = new Int32Array(foundMax);
  const say = (message: FromSieve): void => port.postMessage(message);
  port.on('message', (message: ToSieve) => {
    const { question } = message;
    if (message.kind === 'end') return sieves.delete(question);
    const isWanted = message.kind === 'begin' ? rowSieve(words, message.plan) : sieves.get(question)!;
    const block = look(words.rows, isWanted, message.from, found);
    if (block.to > 0) sieves.set(question, isWanted);
    else sieves.delete(question);
    say({ kind: 'found', question, ...block });
  });
  say({ kind: 'ready', protocol: sieveProtocol });
}

function look(
  rows: Int32Array,
  isWanted: (row: number) => boolean,
  from: number,
  found: Int32Array<ArrayBuffer>,
): { readonly to: number; readonly rows: Int32Array<ArrayBuffer> } {
  const end = Math.max(0, from - lookedMax);
  let count = 0;
  let row = from;
  while (row > end && count < foundMax) {
    row--;
    if (isLive(rows, row) && isWanted(row)) found[count++] = row;
  }
  return { to: row, rows: found.slice(0, count) };
}

if (!isMainThread && parentPort !== null) answer(parentPort, workerData as SieveWorkerData);
