/**
 * The files of the audit log, `DATA/security/audit.log` and older ones. The aggregator writes there, and so do commands that
 * make tokens or ban somebody, each with the lock and behind what the other wrote. A line is on disk when append() is over.
 */
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditEvent } from './audit.ts';
import { type ChainEnd, emptyChain, encodeRecord, endAfter, parseRecord } from './audit-chain.ts';

/** Of one file; then a new one is begun. */
export const fileBytesMax = 8 << 20;

/** Files at a time, the one that is written included: some 100,000 lines. */
export const filesMax = 4;

/** How long to wait for other writers, each of which needs the lock for some milliseconds, and longer on a busy disk. */
const lockPatienceMs = 15_000;

/** A lock that is older was left behind. */
const lockAbandonedMs = 30_000;

/** Bytes at the end of a file in which its last line is looked for. */
const tailBytes = 64 << 10;

export interface DatedEvent {
  readonly event: AuditEvent;
  /** Unix milliseconds. */
  readonly atMs: number;
}

export class AuditFile {
  readonly #folder: string;
  readonly #bytesMax: number;

  /** @param folder is made when it is first written to */
  constructor(folder: string, bytesMax: number = fileBytesMax) {
    this.#folder = folder;
    this.#bytesMax = bytesMax;
  }

  /** Throws what the file system says; then nothing of it is there, or it is written over next time. */
  async append(events: readonly DatedEvent[]): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const unlock = await this.#lock();
    try {
      const tail = await this.#readEnd();
      await this.#write(tail.isTorn ? [tornEvent(events[0]!.atMs), ...events] : events, tail);
    } finally {
      await unlock();
    }
  }

  async #write(events: readonly DatedEvent[], { size, isCut, ...tail }: FileEnd): Promise<void> {
    let { end } = tail;
    let text = isCut ? '\n' : '';
    for (const { event, atMs } of events) {
      const line = encodeRecord(event, new Date(atMs).toISOString(), end);
      end = endAfter(line, end);
      text += `${line}\n`;
    }
    const bytes = Buffer.from(text);
    const isFull = size > 0 && size + bytes.length > this.#bytesMax;
    if (isFull) await this.#rotate();
    const handle = await open(auditPath(this.#folder, 0), isFull || size === 0 ? 'w' : 'r+', 0o600);
    try {
      await writeAt(handle, bytes, isFull ? 0 : size);
      await handle.datasync();
    } catch (error) {
      await handle.truncate(isFull ? 0 : size).catch(() => undefined);
      throw error;
    } finally {
      await handle.close();
    }
  }

  /** Where the chain goes on: in the file that is written, or in the one before. */
  async #readEnd(): Promise<FileEnd> {
    const current = await readTail(auditPath(this.#folder, 0));
    const tail = current.lines.length > 0 ? current : await readTail(auditPath(this.#folder, 1));
    const end = tail.lines.reduce((before, line) => endAfter(line, before), emptyChain);
    return { end, size: current.size, isCut: current.isCut, isTorn: current.isTorn };
  }

  async #rotate(): Promise<void> {
    for (let age = filesMax - 2; age >= 0; age--) {
      await rename(auditPath(this.#folder, age), auditPath(this.#folder, age + 1)).catch(ignoreMissing);
    }
  }

  async #lock(): Promise<() => Promise<void>> {
    const path = join(this.#folder, 'audit.lock');
    const deadline = performance.now() + lockPatienceMs;
    for (;;) {
      const handle = await open(path, 'wx', 0o600).catch(ignoreExisting);
      if (handle !== null) {
        await handle.writeFile(String(process.pid));
        await handle.close();
        return () => rm(path, { force: true });
      }
      if (await isAbandoned(path)) await rm(path, { force: true });
      else if (performance.now() > deadline) throw new Error(`${path} is held by another process`);
      else await sleep(10);
    }
  }
}

/** @param age 0 = the file that is written, 1 = the one before */
export function auditPath(folder: string, age: number): string {
  return join(folder, age === 0 ? 'audit.log' : `audit.log.${age}`);
}

/** All lines that are kept, oldest first; those of a file that is not there are none. Throws what the file system says. */
export async function readAuditLines(folder: string): Promise<string[]> {
  const lines: string[] = [];
  for (let age = filesMax - 1; age >= 0; age--) {
    const text = await readFile(auditPath(folder, age), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return '';
    });
    for (const line of linesOf(text)) lines.push(line);
  }
  return lines;
}

function linesOf(text: string): string[] {
  if (text === '') return [];
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
}

function tornEvent(atMs: number): DatedEvent {
  const detail = 'the line before is torn: whoever wrote it was killed, or the disk was full';
  return { event: { kind: 'audit-gap', subject: null, peer: null, detail }, atMs };
}

interface Tail {
  /** The last lines, the first of which may lack its beginning. */
  readonly lines: readonly string[];
  readonly size: number;
  /** Its last line has no end. */
  readonly isCut: boolean;
  /** Its last line is none of ours, whole or not. */
  readonly isTorn: boolean;
}

/** Where a file is to be gone on with. */
interface FileEnd extends Omit<Tail, 'lines'> {
  readonly end: ChainEnd;
}

async function readTail(path: string): Promise<Tail> {
  const handle = await open(path, 'r').catch(ignoreMissing);
  if (handle === null) return { lines: [], size: 0, isCut: false, isTorn: false };
  try {
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.min(size, tailBytes));
    await handle.read(bytes, 0, bytes.length, size - bytes.length);
    const text = bytes.toString('utf8');
    const lines = linesOf(text);
    const isCut = size > 0 && !text.endsWith('\n');
    const isTorn = isCut || (size > 0 && parseRecord(lines.at(-1)!) === null);
    return { lines, size, isCut, isTorn };
  } finally {
    await handle.close();
  }
}

async function writeAt(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

/** A lock whose process is gone is nobody's, and so is one that is held for longer than anybody needs it. */
async function isAbandoned(path: string): Promise<boolean> {
  const [text, found] = await Promise.all([
    readFile(path, 'utf8').catch(() => ''),
    stat(path).catch(ignoreMissing),
  ]);
  if (found === null) return false;
  return (text !== '' && !isAlive(Number(text))) || Date.now() - found.mtimeMs > lockAbandonedMs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function ignoreExisting(error: NodeJS.ErrnoException): null {
  if (error.code === 'EEXIST') return null;
  throw error;
}
