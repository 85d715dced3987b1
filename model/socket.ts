/** Kernel sockets: first as a row of a socket table, then with the processes that hold them. */
import type { Endpoint } from './endpoint.ts';
import type { Owner } from './process.ts';
import type { Protocol, SocketState } from './socket-state.ts';

/** One row of the kernel's socket table in one network namespace. */
export interface SocketRow {
  readonly protocol: Protocol;
  readonly state: SocketState;
  readonly local: Endpoint;
  /** `0.0.0.0:0` or `[::]:0` for a listener. */
  readonly remote: Endpoint;
  /** 0 where the kernel has no inode for the row: TIME_WAIT, SYN_RECV, the accept queue, orphans. */
  readonly inode: number;
  readonly uid: number;
  /** Inode of the network namespace. */
  readonly netns: number;
}

/** A row with every process that holds it; no owner is normal (see SocketRow.inode) and is kept. */
export interface OwnedSocket extends SocketRow {
  /** By pid, ascending. */
  readonly owners: readonly Owner[];
}

/** Whether both rows are of one tuple in one namespace. Ports differ most often, so they are looked at first. */
export function hasSameTuple(a: SocketRow, b: SocketRow): boolean {
  return (
    a.local.port === b.local.port &&
    a.remote.port === b.remote.port &&
    a.netns === b.netns &&
    a.protocol === b.protocol &&
    a.local.ip === b.local.ip &&
    a.remote.ip === b.remote.ip
  );
}
