/** The paths of all cgroups of the unified hierarchy, as the agent's cgroup namespace has them. */
import type { BpfCalls } from './bpf-calls.ts';
import { cgroupProgram } from './cgroup-program.ts';
import type { CgroupKernel } from './detail-kernel.ts';
import { cgroupControl, cgroupLayout } from './detail-memory.ts';
import { GrowingEntries } from './growing-entries.ts';
import { iterate } from './iteration.ts';
import { linkProgram } from './link-program.ts';
import { MappedArray } from './mapped-array.ts';
import { allCgroupsScope } from './syscall.ts';

/** Room at the start, and the most that is made of it: 272 KiB and 17 MiB. */
const firstCgroups = 1 << 10;
export const cgroupsMax = 1 << 16;

export class CgroupWalk {
  readonly #calls: BpfCalls;
  readonly #control: MappedArray;
  readonly #found: GrowingEntries;
  /** Cgroups that found no room, walk by walk, since the start. */
  missedTotal = 0;

  private constructor(calls: BpfCalls, control: MappedArray, found: GrowingEntries) {
    this.#calls = calls;
    this.#control = control;
    this.#found = found;
  }

  /** Rejects with BpfError. */
  static async open(calls: BpfCalls, kernel: CgroupKernel, entries = firstCgroups): Promise<CgroupWalk> {
    const control = MappedArray.create(calls, 'cgroup_control', cgroupControl.bytes, 1);
    const link = (entryMap: number): Promise<number> =>
      linkProgram(calls, {
        name: 'walk_cgroups',
        statements: cgroupProgram(kernel, { entryMap, controlMap: control.fd }),
        iterator: kernel.iterator,
        callbacks: [],
        pid: null,
        scope: allCgroupsScope(),
      });
    const room = { name: 'cgroups', bytesPerEntry: cgroupLayout.bytes, entriesMax: cgroupsMax, link };
    try {
      return new CgroupWalk(calls, control, await GrowingEntries.load(calls, room, entries));
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
      await iterate(this.#calls, this.#found.link);
      const missed = control.readUInt32LE(fields.missed.offset);
      if (missed > 0 && (await this.#found.makeRoom(missed))) continue;
      this.missedTotal += missed;
      return cgroupPaths(this.#found.first(control.readUInt32LE(fields.entries.offset)));
    }
  }

  /** Idempotent. Not during a walk. */
  close(): void {
    this.#found.close();
    this.#control.close();
  }
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
