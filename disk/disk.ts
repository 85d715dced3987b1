/**
 * A disk as the spool of an agent and the journal of an aggregator use it. Nothing else of the two touches files, so that a
 * simulation can pass a disk that is slow, tears, fills up, fails, or loses what was not synced.
 *
 * What is appended or put in place lasts once `sync` or `replace` is over, and the name of a new, renamed or removed file once
 * its folder is synced. Everything throws DiskError, or rejects with one.
 */
import { DiskError } from './disk-error.ts';
import { closeQuietly, createFiles, type Files } from './files.ts';

/** A file that only grows. One append or sync at a time. */
export interface AppendFile {
  /** Bytes that are in it, synced or not. */
  readonly size: number;
  /** Adds all of it, in this order. When it fails, a part may be there: nothing is to be added to this file any more. */
  append(pieces: readonly Buffer[]): Promise<void>;
  /** What was appended survives the machine. After it failed nobody knows what does: the file is to be left as it is. */
  sync(): Promise<void>;
  /** Idempotent; without sync. */
  close(): void;
}

export interface Disk {
  /** Names in a folder, in order; none where it is not there. */
  list(folder: string): string[];
  /** The whole file; null where it is not there. */
  read(path: string): Buffer | null;
  /** Bytes of a file; null where it is not there. */
  sizeOf(path: string): number | null;
  /** Opens a file to add to its end; makes it, for its owner alone, where it is not there. */
  openAppend(path: string): AppendFile;
  /** Puts a whole file in place of another: whoever reads sees one of the two, also after a crash. It lasts when done. */
  replace(path: string, bytes: Buffer): Promise<void>;
  /** No fault where it is not there. */
  remove(path: string): void;
  rename(from: string, to: string): void;
  /** Cuts a file to that size, and syncs it. */
  truncate(path: string, size: number): void;
  /** Makes a folder for its owner alone, and those above it. No fault where it is there. */
  makeFolder(folder: string): void;
  syncFolder(folder: string): Promise<void>;
}

/** The disk of this machine. */
export const realDisk: Disk = createDisk(createFiles());

/** A disk that is made of calls to the system. */
export function createDisk(files: Files): Disk {
  return {
    list: (folder) => orIfAbsent('list', folder, [], () => files.list(folder).sort()),
    read: (path) => orIfAbsent('read', path, null, () => files.read(path)),
    sizeOf: (path) => orIfAbsent('read', path, null, () => files.sizeOf(path)),
    openAppend: (path) => openAppend(files, path),
    replace: (path, bytes) => replace(files, path, bytes),
    remove: (path) => orIfAbsent('remove', path, undefined, () => files.remove(path)),
    rename: (from, to) => attempt('rename', from, () => files.rename(from, to)),
    truncate: (path, size) => attempt('cut', path, () => files.truncate(path, size)),
    makeFolder: (folder) => attempt('make the folder', folder, () => files.makeFolder(folder)),
    syncFolder: (folder) => attemptLater('sync', folder, () => files.syncFolder(folder)),
  };
}

function openAppend(files: Files, path: string): AppendFile {
  const fd = attempt('open', path, () => files.open(path));
  let size: number;
  try {
    size = attempt('read', path, () => files.sizeOfOpen(fd));
  } catch (fault) {
    closeQuietly(files, fd);
    throw fault;
  }
  let isClosed = false;
  return {
    get size() {
      return size;
    },
    append: (pieces) =>
      attemptLater('write', path, async () => {
        for (let rest = pieces; rest.length > 0; ) {
          const written = await files.write(fd, rest, size);
          size += written;
          rest = without(rest, written);
        }
      }),
    sync: () => attemptLater('sync', path, () => files.sync(fd)),
    close: () => {
      if (!isClosed) closeQuietly(files, fd);
      isClosed = true;
    },
  };
}

/** What is left of pieces of which so many bytes are written. */
function without(pieces: readonly Buffer[], written: number): readonly Buffer[] {
  let left = written;
  let first = 0;
  while (first < pieces.length && left >= pieces[first]!.length) left -= pieces[first++]!.length;
  if (first === pieces.length) return [];
  return [pieces[first]!.subarray(left), ...pieces.slice(first + 1)];
}

/** One at a time for each path: the temporary file has one name, so that crashes do not leave many. */
async function replace(files: Files, path: string, bytes: Buffer): Promise<void> {
  const temporary = `${path}.new`;
  orIfAbsent('remove', temporary, undefined, () => files.remove(temporary));
  const file = openAppend(files, temporary);
  try {
    await file.append([bytes]);
    await file.sync();
  } finally {
    file.close();
  }
  attempt('replace', path, () => files.rename(temporary, path));
  const folder = path.slice(0, Math.max(1, path.lastIndexOf('/')));
  await attemptLater('sync', folder, () => files.syncFolder(folder));
}

function attempt<Value>(operation: string, path: string, action: () => Value): Value {
  try {
    return action();
  } catch (error) {
    throw new DiskError(operation, path, error);
  }
}

async function attemptLater<Value>(
  operation: string,
  path: string,
  action: () => Promise<Value>,
): Promise<Value> {
  try {
    return await action();
  } catch (error) {
    throw error instanceof DiskError ? error : new DiskError(operation, path, error);
  }
}

function orIfAbsent<Value>(operation: string, path: string, absent: Value, action: () => Value): Value {
  try {
    return action();
  } catch (error) {
    const failed = new DiskError(operation, path, error);
    if (failed.code === 'ENOENT') return absent;
    throw failed;
  }
}
