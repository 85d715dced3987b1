/**
 * What containers are called: looked up once for each, kept for as long as somebody asks, never waited for.
 *
 * The machine's own runtimes keep their files on local disks, which are read at once, a few containers a second. Files
 * in a user's home and the socket of a runtime may keep the agent waiting, so they are read aside, one after the other
 * and each for a limited time; their answer is there when a process is described again.
 */
import { type ContainerIdentity, noContainer } from '../../model/container.ts';
import type { BoundedTable } from '../bounded-table.ts';
import type { ContainerNames } from '../runtime/container-labels.ts';
import type { Placement } from './placement.ts';
import { isRefreshDue, type Reading } from './refresh.ts';

/** How many containers are remembered; beyond, the one that was asked for longest ago is forgotten. */
export const rememberedContainersMax = 16_384;

/** How many containers are looked up at once within a second; further ones wait for the next. */
export const lookupsPerSecondMax = 32;

/** How many containers wait to be looked up aside; further ones are asked for again later. */
export const waitingMax = 256;

/** What a source knows; null = nothing, `refused` = the agent may not look. */
export type FoundNames = ContainerNames | null | 'refused';

/** Where names come from. Neither throws. */
export interface NameSources {
  readonly read: (placement: Placement) => FoundNames;
  readonly readAside: (placement: Placement) => Promise<FoundNames>;
  /** A sentence on a source that the person named and that does not answer; null = none. */
  readonly problem: string | null;
}

/** Why containers have no names. */
export interface NameProblems {
  /** Containers whose names are there, but not for the agent to read. */
  readonly refused: number;
  /** See NameSources. */
  readonly source: string | null;
}

/** No names but those that stand in the cgroup. */
export const noSources: NameSources = {
  read: () => null,
  readAside: () => Promise.resolve(null),
  problem: null,
};

interface Remembered extends Reading {
  names: ContainerNames | null;
  isRefused: boolean;
}

export class ContainerNameTable {
  readonly #sources: NameSources;
  /** Least recently asked for first. */
  readonly #remembered = new Map<string, Remembered>();
  #lookups = 0;
  /** When counting lookups began. */
  #countedFromMs = Number.NEGATIVE_INFINITY;
  readonly #waiting = new Map<string, Placement>();
  #isBusy = false;
  #forgottenTotal = 0;
  #postponedTotal = 0;

  constructor(sources: NameSources) {
    this.#sources = sources;
  }

  /** @param nowMs on a monotonic clock */
  identify(placement: Placement, nowMs: number): ContainerIdentity {
    const { container, runtime, pod } = placement;
    if (container === null) return { ...noContainer, pod };
    const names = isNamedByCgroup(placement) ? null : this.#namesOf(placement, nowMs);
    return {
      container,
      runtime: runtime ?? names?.runtime ?? null,
      containerName: isNamedByCgroup(placement) ? container : (names?.containerName ?? null),
      pod,
      podName: names?.podName ?? null,
      podNamespace: names?.podNamespace ?? null,
      workload: names?.workload ?? null,
    };
  }

  get tables(): readonly BoundedTable[] {
    return [
      {
        name: 'containers',
        size: this.#remembered.size,
        limit: rememberedContainersMax,
        refusedTotal: this.#forgottenTotal,
      },
      {
        name: 'containers_to_name',
        size: this.#waiting.size,
        limit: waitingMax,
        refusedTotal: this.#postponedTotal,
      },
    ];
  }

  get problems(): NameProblems {
    let refused = 0;
    for (const { names, isRefused } of this.#remembered.values()) if (names === null && isRefused) refused++;
    return { refused, source: this.#sources.problem };
  }

  #namesOf(placement: Placement, nowMs: number): ContainerNames | null {
    // What calls itself a container inside of another one is not for the machine's runtimes to name.
    if (placement.isNested) return null;
    const key = keyOf(placement);
    const known = this.#remembered.get(key);
    if (known !== undefined) {
      this.#remember(key, known);
      if (known.names !== null || !isRefreshDue(known, nowMs)) return known.names;
    }
    if (!this.#mayLookUp(nowMs)) return null;
    const entry = {
      names: null,
      isRefused: false,
      firstReadAtMs: known?.firstReadAtMs ?? nowMs,
      readAtMs: nowMs,
    };
    this.#remember(key, entry);
    answer(entry, this.#sources.read(placement));
    if (entry.names === null) this.#askAside(key, placement);
    return entry.names;
  }

  #mayLookUp(nowMs: number): boolean {
    if (nowMs - this.#countedFromMs >= 1000) {
      this.#countedFromMs = nowMs;
      this.#lookups = 0;
    }
    return ++this.#lookups <= lookupsPerSecondMax;
  }

  #remember(key: string, entry: Remembered): void {
    this.#remembered.delete(key);
    this.#remembered.set(key, entry);
    if (this.#remembered.size <= rememberedContainersMax) return;
    const [oldest] = this.#remembered.keys();
    this.#remembered.delete(oldest!);
    this.#forgottenTotal++;
  }

  #askAside(key: string, placement: Placement): void {
    if (this.#waiting.size < waitingMax) this.#waiting.set(key, placement);
    else this.#postponedTotal++;
    if (!this.#isBusy) void this.#answerWaiting();
  }

  async #answerWaiting(): Promise<void> {
    this.#isBusy = true;
    for (const [key, placement] of this.#waiting) {
      const found = await this.#sources.readAside(placement);
      this.#waiting.delete(key);
      const entry = this.#remembered.get(key);
      if (entry !== undefined) answer(entry, found);
    }
    this.#isBusy = false;
  }
}

function answer(entry: Remembered, found: FoundNames): void {
  if (found === 'refused') entry.isRefused = true;
  else entry.names = found;
}

/** LXC and systemd-nspawn know a container by its name alone, so the cgroup tells it. */
function isNamedByCgroup({ runtime }: Placement): boolean {
  return runtime === 'lxc' || runtime === 'nspawn';
}

/** A user may name a cgroup after a container of the machine: that is another one. */
function keyOf({ container, manager }: Placement): string {
  return `${manager ?? ''}:${container}`;
}
