/** What a disk could not do, as a value that a person can read. */

export class DiskError extends Error {
  override readonly name = 'DiskError';
  /** What was tried, as the verb of a sentence: `write`, `read`. */
  readonly operation: string;
  readonly path: string;
  /** The system's, such as ENOSPC; `unknown` where it gave none. */
  readonly code: string;

  constructor(operation: string, path: string, cause: unknown) {
    const code = codeOf(cause);
    super(`cannot ${operation} ${path}: ${reasonOf(code, cause)}`, { cause });
    this.operation = operation;
    this.path = path;
    this.code = code;
  }
}

/** Any fault of a disk as a DiskError; what is another kind of fault is thrown on. */
export function diskErrorOf(fault: unknown): DiskError {
  if (fault instanceof DiskError) return fault;
  throw fault;
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full (ENOSPC)',
  EDQUOT: 'the quota is used up (EDQUOT)',
  EACCES: 'permission denied (EACCES)',
  EPERM: 'not permitted (EPERM)',
  EROFS: 'the file system is read-only (EROFS)',
  EIO: 'the disk failed (EIO)',
  ENOTDIR: 'a part of the path is no folder (ENOTDIR)',
  EMFILE: 'too many files are open (EMFILE)',
};

function codeOf(cause: unknown): string {
  const code: unknown = typeof cause === 'object' && cause !== null ? Reflect.get(cause, 'code') : undefined;
  return typeof code === 'string' ? code : 'unknown';
}

function reasonOf(code: string, cause: unknown): string {
  return reasons[code] ?? (code === 'unknown' ? String(cause) : code);
}
