/** The paths of all cgroups of the unified hierarchy, as the agent's cgroup namespace has them. */
import type { BpfCalls } from './bpf-calls.ts';
import { BpfError } from './bpf-error.ts';
import { cgroupProgram } from './cgroup-program.ts';
import type { CgroupKernel } from './detail-kernel.ts';
import { cgroupControl, cgroupLayout } from './detail-memory.ts';
import { iterate } from './iteration.ts';
import { linkProgram } from './link-program.ts';
import { MappedArray } from './mapped-array.ts';
import { allCgroupsScope } from './syscall.ts';

/** Room at the start, and the most that is made of it: 272 KiB and 17 MiB. */
const firstCgroups = 1 << 10;
export const cgroupsMax = 1 << 16;

interface Loaded {
  readonly entries: MappedArray;
  readonly link: number;
}

export class CgroupWalk {
  readonly #calls: BpfCalls;
  readonly #kernel: CgroupKernel;
  readonly #control: MappedArray;
  #loaded: Loaded;
  #isOpen = true;
  /** Cgroups that found no room, walk by walk, since the start. */
  missedTotal = 0;

  private constructor(calls: BpfCalls, kernel: CgroupKernel, control: MappedArray, loaded: Loaded) {
    this.#calls = calls;
    this.#kernel = kernel;
    this.#control = control;
    this.#loaded = loaded;
  }

  /** Throws BpfError. */
  static open(calls: BpfCalls, kernel: CgroupKernel, entries = firstCgroups): CgroupWalk {
    const control = MappedArray.create(calls, 'cgroup_control', cgroupControl.bytes, 1);
    try {
      return new CgroupWalk(calls, kernel, control, load(calls, kernel, control, entries));
    } catch (error) {
      control.close();
      throw error;
    }
  }

  /** By id of the cgroup: its path. One at a time. Throws BpfError, or Node's error of read(2). */
  async run(): Promise<Map<bigint, string>> {
    const { fields } = cgroupControl;
    const control = this.#control.bytes;
    for (;;) {
      control.fill(0);
      await iterate(this.#calls, this.#loaded.link);
      const missed = control.readUInt32LE(fields.missed.offset);
      if (missed > 0 && this.#makeRoom(missed)) continue;
      this.missedTotal += missed;
      const count = control.readUInt32LE(fields.entries.offset);
      return cgroupPaths(this.#loaded.entries.bytes.subarray(0, count * cgroupLayout.bytes));
    }
  }

  /** Idempotent. Not during a walk. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    unload(this.#calls, this.#loaded);
    this.#control.close();
  }

  /** False where there is none, or the kernel does not give it. */
  #makeRoom(missed: number): boolean {
    const before = this.#loaded;
    const { entries } = before.entries;
    if (entries === cgroupsMax) return false;
    const wanted = Math.min(cgroupsMax, 2 ** Math.ceil(Math.log2((entries + missed) * 1.5)));
    try {
      this.#loaded = load(this.#calls, this.#kernel, this.#control, wanted);
    } catch (error) {
      if (error instanceof BpfError) return false;
      throw error;
    }
    unload(this.#calls, before);
    return true;
  }
}

function load(calls: BpfCalls, kernel: CgroupKernel, control: MappedArray, count: number): Loaded {
  const entries = MappedArray.create(calls, 'cgroups', cgroupLayout.bytes, count);
  try {
    const link = linkProgram(calls, {
      name: 'walk_cgroups',
      statements: cgroupProgram(kernel, { entryMap: entries.fd, controlMap: control.fd }),
      iterator: kernel.iterator,
      callbacks: [],
      pid: null,
      scope: allCgroupsScope(),
    });
    return { entries, link };
  } catch (error) {
    entries.close();
    throw error;
  }
}

function unload(calls: BpfCalls, { entries, link }: Loaded): void {
  calls.close(link);
  entries.close();
}

/**
 * The first cgroup is the root of the agent's cgroup namespace, whatever its name: `/`. One whose parent was not told,
 * because it was made during the walk, is left out.
 *
 * @param entries of cgroupLayout
 */
export function cgroupPaths(entries: Buffer): Map<bigint, string> {
  const { id, parent, name } = cgroupLayout.fields;
  const paths = new Map<bigint, string>();
  for (let at = 0; at < entries.length; at += cgroupLayout.bytes) {
    const own = entries.readBigUInt64LE(at + id.offset);
    const above = at === 0 ? '' : paths.get(entries.readBigUInt64LE(at + parent.offset));
    if (above === undefined) continue;
    const start = at + name.offset;
    const end = entries.indexOf(0, start);
    const text = entries.toString('utf8', start, end < 0 ? start + name.bytes : end);
    paths.set(own, at === 0 ? '/' : `${above === '/' ? '' : above}/${text}`);
  }
  return paths;
}
