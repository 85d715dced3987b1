/**
 * A program in the kernel and the map that it writes its findings to. How many there are is known only after a run, so
 * where they found no room the program is loaded again with a larger map.
 */
import type { BpfCalls } from './bpf-calls.ts';
import { BpfError } from './bpf-error.ts';
import { MappedArray } from './mapped-array.ts';

export interface GrowingEntriesOptions {
  /** Of the map; see MappedArray. */
  readonly name: string;
  readonly bytesPerEntry: number;
  readonly entriesMax: number;
  /** Loads the program for a map of this fd. @returns fd of its link. Throws BpfError. */
  readonly link: (map: number) => number;
}

interface Loaded {
  readonly map: MappedArray;
  readonly link: number;
}

export class GrowingEntries {
  readonly #calls: BpfCalls;
  readonly #options: GrowingEntriesOptions;
  #loaded: Loaded;
  #isOpen = true;

  /** @param entries room at the start. Throws BpfError. */
  constructor(calls: BpfCalls, options: GrowingEntriesOptions, entries: number) {
    this.#calls = calls;
    this.#options = options;
    this.#loaded = this.#load(entries);
  }

  /** Fd of the program's link. Another one after makeRoom. */
  get link(): number {
    return this.#loaded.link;
  }

  /** The first `count` entries. They lie in the map: not to be touched after makeRoom or close. */
  first(count: number): Buffer {
    return this.#loaded.map.bytes.subarray(0, count * this.#options.bytesPerEntry);
  }

  /** For as many as there is room for and `missed` more. False where there cannot be more, or the kernel does not give it. */
  makeRoom(missed: number): boolean {
    const before = this.#loaded;
    const { entries } = before.map;
    const larger = grownRoom(entries, missed, this.#options.entriesMax);
    if (larger === entries) return false;
    try {
      this.#loaded = this.#load(larger);
    } catch (error) {
      if (error instanceof BpfError) return false;
      throw error;
    }
    this.#unload(before);
    return true;
  }

  /** Idempotent. Not during a run. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#unload(this.#loaded);
  }

  #load(entries: number): Loaded {
    const { name, bytesPerEntry, link } = this.#options;
    const map = MappedArray.create(this.#calls, name, bytesPerEntry, entries);
    try {
      return { map, link: link(map.fd) };
    } catch (error) {
      map.close();
      throw error;
    }
  }

  #unload({ map, link }: Loaded): void {
    this.#calls.close(link);
    map.close();
  }
}

/** Room for what was there and what was missed, and at least a half more; powers of two, so that growing ends soon. */
export function grownRoom(entries: number, missed: number, max: number): number {
  if (missed === 0) return entries;
  return Math.min(max, 2 ** Math.ceil(Math.log2((entries + missed) * 1.5)));
}
