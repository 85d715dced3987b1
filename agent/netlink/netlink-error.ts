/** The one error of this folder. */
import { constants } from 'node:os';

const { errno: errnoNumbers } = constants;

export class NetlinkError extends Error {
  override readonly name = 'NetlinkError';
  /** What was tried, as a verb phrase. */
  readonly operation: string;

  constructor(operation: string, reason: string, options?: ErrorOptions) {
    super(`cannot ${operation}: ${reason}`, options);
    this.operation = operation;
  }
}

/** `EPERM` for 1; the bare number where Node knows no name. */
export function errnoName(errno: number): string {
  const found = Object.entries(errnoNumbers).find(([, number]) => number === errno);
  return found === undefined ? `errno ${errno}` : found[0];
}
