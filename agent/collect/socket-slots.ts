/**
 * One slot per socket, from scan to scan. What is asked of every socket in every scan stands in arrays of numbers, so that
 * a scan in which little happens touches few objects.
 */
import type { Process } from '../../model/process.ts';
import type { OwnedSocket } from '../../model/socket.ts';

/** One fd of one process. */
export interface Claim {
  readonly process: Process;
  readonly fd: number;
}

const initialSlots = 1024;

export class SocketSlots {
  readonly #byKey = new Map<number, number>();
  readonly #free: number[] = [];
  readonly sockets: OwnedSocket[] = [];
  /** Who holds it, as the records of the last scan show it, one after the other. */
  readonly claims: Claim[][] = [];
  /** Number of the last scan that showed it. */
  shownIn = new Uint32Array(initialSlots);
  /** Index of the first word of its record in that scan. */
  at = new Uint32Array(initialSlots);
  /** How many of the claims this scan has shown again. */
  claimed = new Uint32Array(initialSlots);
  /** How many there are. */
  claimCount = new Uint32Array(initialSlots);
  /** 1 = the claims are other ones than its owners were made of. */
  isChanged = new Uint8Array(initialSlots);

  get size(): number {
    return this.#byKey.size;
  }

  /** @param key names a socket from scan to scan */
  of(key: number): number | undefined {
    return this.#byKey.get(key);
  }

  add(key: number, socket: OwnedSocket): number {
    const slot = this.#free.pop() ?? this.sockets.length;
    if (slot >= this.shownIn.length) this.#grow();
    this.sockets[slot] = socket;
    this.claims[slot] = [];
    this.shownIn[slot] = 0;
    this.claimCount[slot] = 0;
    this.isChanged[slot] = 0;
    this.#byKey.set(key, slot);
    return slot;
  }

  /** Says that a record of this scan has `fd` of `process` hold the socket. */
  claim(slot: number, process: Process, fd: number): void {
    const claims = this.claims[slot]!;
    const number = this.claimed[slot]!;
    const known = claims[number];
    if (known?.process !== process || known.fd !== fd) {
      claims.length = number;
      claims.push({ process, fd });
      this.claimCount[slot] = claims.length;
      this.isChanged[slot] = 1;
    }
    this.claimed[slot] = number + 1;
  }

  /** Forgets what the scan of this number did not show. */
  expire(scan: number): void {
    for (const [key, slot] of this.#byKey) {
      if (this.shownIn[slot] === scan) continue;
      this.#byKey.delete(key);
      this.claims[slot] = [];
      this.#free.push(slot);
    }
  }

  #grow(): void {
    const slots = this.shownIn.length * 2;
    this.shownIn = copied(this.shownIn, new Uint32Array(slots));
    this.at = copied(this.at, new Uint32Array(slots));
    this.claimed = copied(this.claimed, new Uint32Array(slots));
    this.claimCount = copied(this.claimCount, new Uint32Array(slots));
    this.isChanged = copied(this.isChanged, new Uint8Array(slots));
  }
}

/** `to`, which is longer, with the content of `from`. */
export function copied<T extends Uint32Array | Int32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
