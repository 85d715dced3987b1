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
  /** Loads the program for a map of this fd. @returns fd of its link. Rejects with BpfError. */
  readonly link: (map: number) => Promise<number>;
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

  private constructor(calls: BpfCalls, options: GrowingEntriesOptions, loaded: Loaded) {
    this.#calls = calls;
    this.#options = options;
    this.#loaded = loaded;
  }

  /** @param entries room at the start. Rejects with BpfError. */
  static async load(
    calls: BpfCalls,
    options: GrowingEntriesOptions,
    entries: number,
  ): Promise<GrowingEntries> {
    return new GrowingEntries(calls, options, await loadEntries(calls, options, entries));
  }

  /** Fd of the program's link. Another one after makeRoom. */
  get link(): number {
    return this.#loaded.link;
  }

  /** The first `count` entries. They lie in the map (MappedArray.first): not to be kept. */
  first(count: number): Buffer {
    return this.#loaded.map.first(count * this.#options.bytesPerEntry);
  }

  /** For as many as there is room for and `missed` more. False where there cannot be more, or the kernel does not give it. */
  async makeRoom(missed: number): Promise<boolean> {
    const before = this.#loaded;
    const { entries } = before.map;
    const larger = grownRoom(entries, missed, this.#options.entriesMax);
    if (larger === entries) return false;
    try {
      this.#loaded = await loadEntries(this.#calls, this.#options, larger);
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

  #unload({ map, link }: Loaded): void {
    this.#calls.close(link);
    map.close();
  }
}

async function loadEntries(
  calls: BpfCalls,
  { name, bytesPerEntry, link }: GrowingEntriesOptions,
  entries: number,
): Promise<Loaded> {
  const map = MappedArray.create(calls, name, bytesPerEntry, entries);
  try {
    return { map, link: await link(map.fd) };
  } catch (error) {
    map.close();
    throw error;
  }
}

/** Room for what was there and what was missed, and at least a half more; powers of two, so that growing ends soon. */
export function grownRoom(entries: number, missed: number, max: number): number {
  if (missed === 0) return entries;
  return Math.min(max, 2 ** Math.ceil(Math.log2((entries + missed) * 1.5)));
}
