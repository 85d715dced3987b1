/**
 * What runs in the processes of an eBPF scan, and where it belongs: kept from scan to scan, asked for in one go.
 *
 *     refresh    of all tasks that hold sockets, those that are new, or show a change, or were long not asked
 *     look       their executables and command lines, out of their memory   agent/bpf/detail-look.ts
 *     walk       paths of cgroups, once per cgroup                          agent/bpf/cgroup-walk.ts
 *     /proc      what neither of them tells, and the hierarchies of cgroup v1
 *
 * Command lines are redacted when they come, and what was not changed is not redacted again (alike-details.ts).
 */
import type { BoundedTable } from '../bounded-table.ts';
import { type CgroupWalk, cgroupsMax } from '../bpf/cgroup-walk.ts';
import type { DetailLook, SeenDetails } from '../bpf/detail-look.ts';
import type { FoundSockets } from '../bpf/scan-maps.ts';
import { taskLayout } from '../bpf/scan-memory.ts';
import type { SeenTask } from '../bpf/task-table.ts';
import { type CgroupEntry, readCgroup } from '../procfs/pid-cgroup.ts';
import { parseCmdline, readCmdline } from '../procfs/pid-cmdline.ts';
import { readExe } from '../procfs/pid-exe.ts';
import { isUnread, orElse, processPath } from '../procfs/proc-file.ts';
import { AlikeDetails } from '../resolve/alike-details.ts';
import type { ProcessDetails } from '../resolve/process-details.ts';
import type { CmdlineMode } from '../resolve/redact-cmdline.ts';
import { isRefreshDue, type Reading } from '../resolve/refresh.ts';

/** How long the memory of processes may take to answer before scans go on without, which is waited for once. */
export const lookTimeoutMs = 2_000;

/** Whoever is only to be asked again waits until this long after the last look, so that looks are few. */
const refreshPauseMs = 5_000;

/** Words of a task that tell of a change: start, cgroup, user and name. */
const signWords = (['startNs', 'cgroup', 'uid', 'comm'] as const).flatMap((name) => {
  const { offset, bytes } = taskLayout.fields[name];
  return Array.from({ length: bytes / 4 }, (_, i) => offset / 4 + i);
});

const taskWords = taskLayout.bytes / 4;
const [pidWord, heldWord, cgroupWord] = [
  taskLayout.fields.pid.offset / 4,
  taskLayout.fields.held.offset / 4,
  taskLayout.fields.cgroup.offset / 4,
] as const;

interface Known extends Reading {
  /** Those of signWords, one after the other. */
  readonly signs: Uint32Array;
  readonly cgroup: bigint;
  details: ProcessDetails | null;
  /** Of details; null while there are none. */
  startTicks: number | null;
  /** Its cgroups of v1 are closed to the agent. */
  isUnplaced: boolean;
  scan: number;
}

export interface TaskDetailsOptions {
  /** Null where the kernel does not offer it. */
  readonly look: Pick<DetailLook, 'read' | 'close'> | null;
  readonly walk: Pick<CgroupWalk, 'run' | 'missedTotal' | 'close'> | null;
  readonly procRoot: string;
  readonly cmdline: CmdlineMode;
  /** Default lookTimeoutMs. */
  readonly timeoutMs?: number;
}

/** What the details of processes lack. */
export interface DetailBlindness {
  /** False where executables and command lines come from /proc: the kernel offers no other way, or a look hangs. */
  readonly isLooking: boolean;
  /** Processes whose cgroups of v1 are closed to the agent. */
  readonly unplacedProcesses: number;
}

export class TaskDetails {
  readonly #options: TaskDetailsOptions;
  readonly #alike: AlikeDetails;
  readonly #known = new Map<number, Known>();
  /** Of the unified hierarchy, by id. */
  #paths: ReadonlyMap<bigint, string> = new Map();
  /** Some controllers are of cgroup v1, whose paths only /proc tells. */
  readonly #hasOldHierarchies: boolean;
  #scan = 0;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  /** When the tasks were gone through. */
  #searchedAtMs = Number.NEGATIVE_INFINITY;
  /** A look that has not come to its end in time. */
  #hanging: Promise<unknown> | null = null;
  #isClosed = false;

  constructor(options: TaskDetailsOptions) {
    this.#options = options;
    this.#alike = new AlikeDetails(options.cmdline);
    const own = readCgroup(`${options.procRoot}/self`);
    this.#hasOldHierarchies = !isUnread(own) && own.some(({ controllers }) => controllers !== '');
  }

  get tables(): readonly BoundedTable[] {
    const refusedTotal = this.#options.walk?.missedTotal ?? 0;
    return [{ name: 'cgroups', size: this.#paths.size, limit: cgroupsMax, refusedTotal }, this.#alike.table];
  }

  /** What /proc alone can tell now, and where it may not. */
  get blindness(): DetailBlindness {
    let unplacedProcesses = 0;
    for (const { isUnplaced } of this.#known.values()) if (isUnplaced) unplacedProcesses++;
    const isLooking = this.#options.look !== null && this.#hanging === null;
    return { isLooking, unplacedProcesses };
  }

  /**
   * Asks for whatever the tasks of this scan need.
   *
   * @param nowMs on a monotonic clock
   * @param isSame the tasks are those of the last scan: nobody is new among them, or shows a change
   * @returns whether any details may be others
   */
  async refresh(found: FoundSockets, nowMs: number, isSame = false): Promise<boolean> {
    if (isSame && nowMs - this.#searchedAtMs < refreshPauseMs) return false;
    this.#searchedAtMs = nowMs;
    this.#scan++;
    const { wanted, isUrgent } = this.#findWanted(found, nowMs);
    this.#expire();
    if (wanted.size === 0 || (!isUrgent && nowMs - this.#lookedAtMs < refreshPauseMs)) return false;
    this.#lookedAtMs = nowMs;
    for (const [pid, known] of wanted) this.#known.set(pid, known);
    await this.#walkCgroups(wanted);
    await this.#lookAt(wanted);
    return true;
  }

  /** Null where only /proc may know. */
  of({ pid, startTicks }: Pick<SeenTask, 'pid' | 'startTicks'>): ProcessDetails | null {
    const known = this.#known.get(pid);
    return known?.startTicks === startTicks ? known.details : null;
  }

  /** Idempotent. What a look that hangs needs is freed at its end. */
  close(): void {
    this.#isClosed = true;
    if (this.#hanging === null) this.#free();
  }

  #free(): void {
    this.#options.look?.close();
    this.#options.walk?.close();
  }

  #findWanted({ tasks }: FoundSockets, nowMs: number) {
    const words = new Uint32Array(tasks.buffer, tasks.byteOffset, tasks.length / 4);
    const wanted = new Map<number, Known>();
    let isUrgent = false;
    for (let at = 0; at < words.length; at += taskWords) {
      if (words[at + heldWord] === 0) continue;
      const pid = words[at + pidWord]!;
      const known = this.#known.get(pid);
      const isAsKnown = known !== undefined && hasSigns(known, words, at);
      if (isAsKnown) known.scan = this.#scan;
      if (isAsKnown && !isRefreshDue(known, nowMs)) continue;
      isUrgent ||= !isAsKnown;
      wanted.set(pid, this.#renewed(isAsKnown ? known : null, words, at, nowMs));
    }
    return { wanted, isUrgent };
  }

  #renewed(known: Known | null, words: Uint32Array, at: number, nowMs: number): Known {
    return {
      signs: known?.signs ?? Uint32Array.from(signWords, (word) => words[at + word]!),
      cgroup: (BigInt(words[at + cgroupWord + 1]!) << 32n) | BigInt(words[at + cgroupWord]!),
      details: known?.details ?? null,
      startTicks: known?.startTicks ?? null,
      isUnplaced: known?.isUnplaced ?? false,
      firstReadAtMs: known?.firstReadAtMs ?? nowMs,
      readAtMs: nowMs,
      scan: this.#scan,
    };
  }

  #expire(): void {
    for (const [pid, { scan }] of this.#known) if (scan !== this.#scan) this.#known.delete(pid);
  }

  async #walkCgroups(wanted: ReadonlyMap<number, Known>): Promise<void> {
    const { walk } = this.#options;
    if (walk === null || [...wanted.values()].every(({ cgroup }) => this.#paths.has(cgroup))) return;
    this.#paths = await walk.run().catch(() => new Map());
  }

  async #lookAt(wanted: ReadonlyMap<number, Known>): Promise<void> {
    const { look, timeoutMs = lookTimeoutMs } = this.#options;
    if (look === null || this.#hanging !== null) return;
    const tell = (seen: SeenDetails): void => {
      const known = wanted.get(seen.pid);
      if (known === undefined) return;
      known.details = this.#describe(known, seen);
      known.startTicks = seen.startTicks;
    };
    // A look that fails leaves everything to /proc.
    const looking = look.read(wanted.keys(), tell).catch(() => {});
    if (await isOverWithin(looking, timeoutMs)) return;
    this.#hanging = looking.then(() => {
      this.#hanging = null;
      if (this.#isClosed) this.#free();
    });
  }

  #describe(known: Known, { pid, exe, args }: SeenDetails): ProcessDetails {
    const path = processPath(this.#options.procRoot, pid);
    const raw = {
      exe: exe ?? orElse(readExe(path), null),
      args: args.length > 0 ? parseCmdline(args) : orElse(readCmdline(path), []),
      cgroups: this.#cgroupsOf(known, path),
    };
    return this.#alike.describe(raw);
  }

  #cgroupsOf(known: Known, path: string): readonly CgroupEntry[] {
    const unified = this.#paths.get(known.cgroup);
    const fromKernel = unified === undefined ? [] : [{ controllers: '', path: unified }];
    if (!this.#hasOldHierarchies && unified !== undefined) return fromKernel;
    const read = readCgroup(path);
    known.isUnplaced = isUnread(read);
    return orElse(read, fromKernel);
  }
}

function hasSigns({ signs }: Known, words: Uint32Array, at: number): boolean {
  for (let i = 0; i < signWords.length; i++) if (words[at + signWords[i]!] !== signs[i]) return false;
  return true;
}

async function isOverWithin(work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, false);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
