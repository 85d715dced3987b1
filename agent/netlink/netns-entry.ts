/**
 * Into another network namespace and back: what is opened there stays there, whatever its opener does later.
 *
 * setns(2) moves the calling thread alone, and nothing else runs on it in between, since all of this is synchronous. It
 * needs CAP_SYS_ADMIN over both namespaces; the way back is tried before the way in.
 */
import { closeSync, fstatSync, openSync } from 'node:fs';
import type { Libc } from '../libc.ts';
import { errnoName, NetlinkError } from './netlink-error.ts';

const cloneNewnet = 0x40000000;

/** The agent's own namespace, wherever the /proc is mounted that tells of other processes. */
const ownNetnsPath = '/proc/thread-self/ns/net';

/** The agent may not go there, or could not come back. */
export class NetnsRefusedError extends NetlinkError {
  /** Name of the errno. */
  readonly reason: string;

  constructor(reason: string) {
    super('enter network namespaces', reason);
    this.reason = reason;
  }
}

export class NetnsEntry {
  readonly #libc: Libc;
  readonly #ownFd: number;
  /** Inode of the agent's own namespace. */
  readonly own: number;
  /** Why no other namespace can be entered, since there would be no way back; null = there is one. */
  readonly refusal: string | null;
  #isOpen = true;

  private constructor(libc: Libc, ownFd: number) {
    this.#libc = libc;
    this.#ownFd = ownFd;
    this.own = fstatSync(ownFd).ino;
    this.refusal = libc.setns(ownFd, cloneNewnet) < 0 ? errnoName(libc.errno()) : null;
  }

  /** Throws Node's own error where the agent has no /proc. */
  static open(libc: Libc): NetnsEntry {
    return new NetnsEntry(libc, openSync(ownNetnsPath, 'r'));
  }

  /**
   * What `open` returns when it runs in the namespace of `path`. Null when that is another one than `netns`, because the
   * process moved on. Throws NetnsRefusedError, also after close(), since there is no way back then; and whatever `open`
   * throws; Node's own error where `path` is not there.
   *
   * @param path `/proc/PID/ns/net`
   */
  within<T>(path: string, netns: number, open: () => T): T | null {
    if (!this.#isOpen) throw new NetnsRefusedError('the way back is closed');
    if (this.refusal !== null && netns !== this.own) throw new NetnsRefusedError(this.refusal);
    const fd = openSync(path, 'r');
    try {
      if (fstatSync(fd).ino !== netns) return null;
      if (netns === this.own) return open();
      if (this.#libc.setns(fd, cloneNewnet) < 0) throw new NetnsRefusedError(errnoName(this.#libc.errno()));
      try {
        return open();
      } finally {
        this.#comeBack();
      }
    } finally {
      closeSync(fd);
    }
  }

  /** Idempotent. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    closeSync(this.#ownFd);
  }

  /** Its failure has been ruled out by trying it at first; an agent that is lost abroad must not go on. */
  #comeBack(): void {
    if (this.#libc.setns(this.#ownFd, cloneNewnet) < 0) {
      throw new Error(`lost in another network namespace: ${errnoName(this.#libc.errno())}`);
    }
  }
}
