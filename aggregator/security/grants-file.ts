/**
 * The file of grants: one record a line, to which lines are only added. The aggregator and whoever types `whotalks token` write it
 * side by side: the kernel puts what is appended behind each other, and a line is one write, so the order of lines is the order
 * in which things were granted, without a lock.
 *
 * It is made shorter by one writer, the aggregator: it puts a new file in place and then carries over what was added to the old
 * one meanwhile. Whoever added a line looks afterwards whether its file is still in place, and else adds it again.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { essence, type GrantRecord, Grants, parseGrantRecord } from './grants.ts';

/** From this size on it is made shorter where that is worth it. */
const compactFromBytes = 256 * 1024;

/** Which file it is, how long it was, and how much of that whole lines were. */
interface Place {
  readonly inode: number;
  readonly bytes: number;
  readonly taken: number;
}

export class GrantsFile {
  readonly #path: string;
  #grants = new Grants();
  #place: Place | null = null;
  #malformed = 0;
  /** Size after the last try to make it shorter. */
  #compactedBytes = 0;

  /** @param path need not exist yet; its folder must */
  constructor(path: string) {
    this.#path = path;
  }

  /** Lines that are no record: what they granted or took back is not known. */
  get malformed(): number {
    return this.#malformed;
  }

  /** What was granted when it was last asked. */
  get known(): Grants {
    return this.#grants;
  }

  /** What is granted now; asks the file system whether anything was added. Throws what that throws, but for a file that is not there. */
  current(): Grants {
    const stat = statSync(this.#path, { throwIfNoEntry: false });
    if (stat?.ino === this.#place?.inode && (stat?.size ?? 0) === (this.#place?.bytes ?? 0))
      return this.#grants;
    this.#read();
    return this.#grants;
  }

  /** Adds records; they are on the disk when it returns. Throws what the file system throws. */
  append(...records: readonly GrantRecord[]): void {
    const text = records.map((record) => `${JSON.stringify(record)}\n`).join('');
    while (!this.#appendOnce(text));
    this.current();
  }

  /** Makes the file shorter where most of it is over. For one process alone. */
  compact(nowMs: number): void {
    const grants = this.current();
    const bytes = this.#place?.bytes ?? 0;
    if (bytes < compactFromBytes || bytes < 2 * this.#compactedBytes) return;
    const text = essence(grants, nowMs)
      .map((record) => `${JSON.stringify(record)}\n`)
      .join('');
    const old = openSync(this.#path, constants.O_RDONLY);
    try {
      replaceFile(this.#path, text);
      const added = readFileSync(old).subarray(bytes).toString('utf8');
      if (added !== '') this.#appendOnce(added);
    } finally {
      closeSync(old);
    }
    this.current();
    this.#compactedBytes = this.#place?.bytes ?? 0;
  }

  /** Begins a line where a torn one ends. @returns false when another file has taken this one's place meanwhile */
  #appendOnce(text: string): boolean {
    const { O_RDWR, O_APPEND, O_CREAT } = constants;
    const file = openSync(this.#path, O_RDWR | O_APPEND | O_CREAT, 0o600);
    try {
      writeWhole(file, endsLine(file) ? text : `\n${text}`);
      return fstatSync(file).ino === statSync(this.#path, { throwIfNoEntry: false })?.ino;
    } finally {
      closeSync(file);
    }
  }

  /** What was added since the last time, or everything of another file. A line without its end is none yet. */
  #read(): void {
    const file = openIfThere(this.#path);
    try {
      const inode = file === null ? null : fstatSync(file).ino;
      const content = file === null ? Buffer.alloc(0) : readFileSync(file);
      const goesOn = this.#place?.inode === inode && content.length >= this.#place!.bytes;
      if (!goesOn) [this.#grants, this.#malformed] = [new Grants(), 0];
      const from = goesOn ? this.#place!.taken : 0;
      const taken = content.lastIndexOf(lineEnd) + 1;
      this.#take(content.subarray(from, Math.max(from, taken)).toString('utf8'));
      this.#place = inode === null ? null : { inode, bytes: content.length, taken };
    } finally {
      if (file !== null) closeSync(file);
    }
  }

  #take(lines: string): void {
    for (const line of lines.split('\n')) {
      if (line === '') continue;
      const record = parseGrantRecord(line);
      if (record === null) this.#malformed++;
      else this.#grants.apply(record);
    }
  }
}

const lineEnd = 0x0a;

function openIfThere(path: string): number | null {
  try {
    return openSync(path, constants.O_RDONLY);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function endsLine(file: number): boolean {
  const { size } = fstatSync(file);
  if (size === 0) return true;
  const last = Buffer.alloc(1);
  readSync(file, last, 0, 1, size - 1);
  return last[0] === lineEnd;
}

/** To the disk. Throws where less was written than all, as on a disk that is full. */
function writeWhole(file: number, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  const written = writeSync(file, bytes);
  if (written < bytes.length) throw new Error(`only ${written} of ${bytes.length} bytes could be written`);
  fsyncSync(file);
}

function replaceFile(path: string, text: string): void {
  const file = openSync(`${path}.new`, 'w', 0o600);
  try {
    writeWhole(file, text);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
  // A rename is on the disk when its folder is.
  const folder = openSync(dirname(path), constants.O_RDONLY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
