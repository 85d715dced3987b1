/** The calls to the system of which a disk is made. A test stands in between here, to cut writes short and to fail. */
import * as fs from 'node:fs';
import { promisify } from 'node:util';

export interface Files {
  list(folder: string): string[];
  read(path: string): Buffer;
  sizeOf(path: string): number;
  /** For adding to it; makes it where it is not there. @returns a file descriptor */
  open(path: string): number;
  sizeOfOpen(fd: number): number;
  /** @returns how many bytes were written; at least one, and perhaps not all */
  write(fd: number, pieces: readonly Buffer[], position: number): Promise<number>;
  /** fdatasync(2), which tells the size of the file as well. */
  sync(fd: number): Promise<void>;
  close(fd: number): void;
  remove(path: string): void;
  rename(from: string, to: string): void;
  truncate(path: string, size: number): void;
  makeFolder(folder: string): void;
  syncFolder(folder: string): Promise<void>;
}

const fileMode = 0o600;
const folderMode = 0o700;
const { O_CREAT, O_WRONLY } = fs.constants;

const writev = promisify(fs.writev);
const fdatasync = promisify(fs.fdatasync);
const fsync = promisify(fs.fsync);

export function createFiles(): Files {
  return {
    list: (folder) => fs.readdirSync(folder),
    read: (path) => fs.readFileSync(path),
    sizeOf: (path) => fs.statSync(path).size,
    open: (path) => fs.openSync(path, O_CREAT | O_WRONLY, fileMode),
    sizeOfOpen: (fd) => fs.fstatSync(fd).size,
    write: async (fd, pieces, position) => (await writev(fd, pieces, position)).bytesWritten,
    sync: (fd) => fdatasync(fd),
    close: (fd) => fs.closeSync(fd),
    remove: (path) => fs.unlinkSync(path),
    rename: (from, to) => fs.renameSync(from, to),
    truncate: truncateAndSync,
    makeFolder: (folder) => void fs.mkdirSync(folder, { recursive: true, mode: folderMode }),
    syncFolder: async (folder) => {
      const fd = fs.openSync(folder, 'r');
      try {
        await fsync(fd);
      } finally {
        fs.closeSync(fd);
      }
    },
  };
}

function truncateAndSync(path: string, size: number): void {
  const fd = fs.openSync(path, 'r+');
  try {
    fs.ftruncateSync(fd, size);
    fs.fdatasyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** What was synced is on the disk, and of all else nothing is promised: a fault here changes neither. */
export function closeQuietly(files: Files, fd: number): void {
  try {
    files.close(fd);
  } catch {
    // The descriptor is gone either way (close(2)).
  }
}
