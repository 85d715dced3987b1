/** What the kernel refused, and why. */
import { errnoName } from '../netlink/netlink-error.ts';

export class BpfError extends Error {
  override readonly name = 'BpfError';
  /** What was tried, as a verb phrase. */
  readonly operation: string;
  /** Such as `EPERM`. */
  readonly code: string;

  /** @param detail what the kernel says beyond the number; '' = nothing */
  constructor(operation: string, errno: number, detail = '') {
    const code = errnoName(errno);
    super(`cannot ${operation}: ${code}${detail === '' ? '' : `: ${detail}`}`);
    this.operation = operation;
    this.code = code;
  }
}
