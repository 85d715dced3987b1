/**
 * Which sockets and gaps of an agent were told here, by the numbers that it gives them in each of its epochs: what is told
 * again, since an acknowledgement was lost or out of the agent's spool, is not told on.
 */
import { toldEpochsMax, toldGapsMax, toldRangesMax } from './limits.ts';
import { NumberRanges } from './number-ranges.ts';

/** As ToldEpoch has it: first and last of each range of numbers. */
export interface SavedEpoch {
  readonly epoch: number;
  readonly sockets: readonly number[];
  readonly gaps: readonly number[];
}

/** What was told in one epoch. */
export class ToldEpoch {
  readonly #numbers = new NumberRanges(toldRangesMax);
  /** Sockets that were taken out unclosed when the host was lost: what becomes of them is to be told once more. */
  readonly #withdrawn = new Set<number>();
  readonly #gaps = new NumberRanges(toldGapsMax);

  /** Ranges that its numbers make. */
  get size(): number {
    return this.#numbers.size;
  }

  add(id: number): void {
    this.#numbers.add(id);
    if (this.#withdrawn.size > 0) this.#withdrawn.delete(id);
  }

  /** [from, to) of a column. */
  addAll(ids: ArrayLike<number>, from: number, to: number): void {
    this.#numbers.addAll(ids, from, to);
    if (this.#withdrawn.size === 0) return;
    for (let i = from; i < to; i++) this.#withdrawn.delete(ids[i]!);
  }

  has(id: number): boolean {
    return this.#numbers.has(id) && !this.#withdrawn.has(id);
  }

  /** @returns whether that gap is told for the first time */
  addGap(id: number): boolean {
    if (this.#gaps.has(id)) return false;
    this.#gaps.add(id);
    return true;
  }

  withdraw(id: number): void {
    this.#withdrawn.add(id);
  }

  save(epoch: number): SavedEpoch {
    return { epoch, sockets: this.#numbers.save(), gaps: this.#gaps.save() };
  }

  settle({ sockets, gaps }: SavedEpoch): void {
    this.#numbers.settle(sockets);
    this.#gaps.settle(gaps);
  }

  /** Whether one that is here may never have been told: there were more than can be remembered. */
  isUnsure(id: number): boolean {
    return this.#numbers.isUnsure(id);
  }
}

export class ToldSockets {
  /** By number, in the order in which they were begun. */
  readonly #epochs = new Map<number, ToldEpoch>();
  /** Epochs up to this one may be forgotten. */
  #forgottenUpTo = -1;

  /** null for one that is forgotten, or may be. */
  of(epoch: number): ToldEpoch | null {
    const known = this.#epochs.get(epoch);
    if (known !== undefined) return known;
    if (epoch <= this.#forgottenUpTo) return null;
    const begun = new ToldEpoch();
    this.#epochs.set(epoch, begun);
    this.#makeRoom(epoch);
    return begun;
  }

  /** For another run of the aggregator. */
  save(): SavedEpoch[] {
    return Array.from(this.#epochs, ([epoch, told]) => told.save(epoch));
  }

  /** Takes over what an earlier run of the aggregator knew. */
  settle(saved: readonly SavedEpoch[]): void {
    for (const each of saved) this.of(each.epoch)?.settle(each);
  }

  /** Forgets the lowest ones where there are too many, or their numbers are too scattered. */
  #makeRoom(begun: number): void {
    const epochs = [...this.#epochs.keys()].sort((a, b) => a - b);
    let ranges = 0;
    for (const told of this.#epochs.values()) ranges += told.size;
    for (const epoch of epochs) {
      if (epoch === begun || (this.#epochs.size <= toldEpochsMax && ranges <= toldRangesMax)) return;
      ranges -= this.#epochs.get(epoch)!.size;
      this.#epochs.delete(epoch);
      this.#forgottenUpTo = epoch;
    }
  }
}
