/** Joins sockets with the processes that hold them: many owners per socket, many fds per owner. */
import type { Owner, Process } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';
import type { SocketFds } from '../procfs/pid-fd.ts';

/** An owner as this file makes them, while its fds are being collected. */
interface OpenOwner extends Owner {
  readonly fds: number[];
}

/** The part of a row that is filled in here. */
interface Ownable {
  owners: readonly Owner[];
}

/**
 * Fills in the owners of freshly parsed rows. Processes are to be claimed in ascending order of pid; sockets of other
 * families, which stand in no table, are passed over.
 */
export class SocketOwners {
  readonly #byInode = new Map<number, Ownable>();
  /** A torn table shows a socket twice; the owners of the first row are those of the others. */
  readonly #doubled: { readonly inode: number; readonly row: Ownable }[] = [];

  /** Makes a row known, so that owners are found for it. */
  add(row: OwnedSocket): void {
    if (row.inode === 0) return;
    if (this.#byInode.has(row.inode)) this.#doubled.push({ inode: row.inode, row });
    else this.#byInode.set(row.inode, row);
  }

  /** Whether any of these fds is one of a known row. */
  concerns({ inodes }: SocketFds): boolean {
    return inodes.some((inode) => this.#byInode.has(inode));
  }

  /** Says that `process` holds the sockets in `held`. */
  claim(process: Process, held: SocketFds): void {
    for (const [i, inode] of held.inodes.entries()) {
      const row = this.#byInode.get(inode);
      if (row === undefined) continue;
      const last = row.owners.at(-1) as OpenOwner | undefined;
      if (last?.process === process) insertAscending(last.fds, held.fds[i]!);
      else row.owners = [...row.owners, { process, fds: [held.fds[i]!] }];
    }
  }

  /** To be called when every process was claimed. */
  finish(): void {
    for (const { inode, row } of this.#doubled) row.owners = this.#byInode.get(inode)!.owners;
  }
}

/** The kernel lists fds in ascending order; copies of /proc on other file systems do not. */
function insertAscending(fds: number[], fd: number): void {
  const at = fds.findLastIndex((other) => other < fd);
  fds.splice(at + 1, 0, fd);
}
