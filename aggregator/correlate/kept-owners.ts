/**
 * Who has the sockets that are kept as columns, by number. All sockets that one process has under one fd each have one number;
 * with the last of them it is free.
 *
 * A pointer in each socket would be simpler. But millions of them are what V8 walks over whenever it looks for garbage.
 */
import type { Owner, Process } from '../../model/process.ts';

/** The one process that has the socket under one fd at most, or all owners. */
export type Owners = Process | readonly Owner[];

/** What sockets of one number have in common. */
interface KeptOwner {
  readonly owners: Owners;
  readonly uid: number;
  /** Number of its agent's epoch (plain-hosts.ts). */
  readonly epoch: number;
  uses: number;
}

/** Stands for no owner. */
export const noOwner = 0;

export class KeptOwners {
  /** By number. */
  readonly #known: (KeptOwner | undefined)[] = [undefined];
  /** Of those owners, the number that was given last. */
  readonly #numbers = new Map<Owners, number>();
  readonly #free: number[] = [];

  get size(): number {
    return this.#known.length - 1 - this.#free.length;
  }

  /** One more socket of that user. @returns its owner's number */
  retain(owners: Owners, uid: number, epoch: number): number {
    const known = this.#numbers.get(owners) ?? noOwner;
    const owner = this.#known[known];
    if (owner !== undefined && owner.uid === uid && owner.epoch === epoch) {
      owner.uses++;
      return known;
    }
    const number = this.#free.pop() ?? this.#known.length;
    this.#known[number] = { owners, uid, epoch, uses: 1 };
    this.#numbers.set(owners, number);
    return number;
  }

  /** One socket less. @param number which may be noOwner */
  release(number: number): void {
    const owner = this.#known[number];
    if (owner === undefined) return;
    owner.uses--;
    if (owner.uses > 0) return;
    if (this.#numbers.get(owner.owners) === number) this.#numbers.delete(owner.owners);
    this.#known[number] = undefined;
    this.#free.push(number);
  }

  /** Of a number that is in use. */
  of(number: number): Pick<KeptOwner, 'owners' | 'uid' | 'epoch'> {
    return this.#known[number]!;
  }
}
