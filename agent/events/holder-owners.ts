/** The processes that events name, with what scans told of them, and else /proc while they are there. */
import type { Owner } from '../../model/process.ts';
import { openProcessTable } from '../collect/open-process-table.ts';
import type { AgentConfig } from '../config.ts';
import type { ProcessDetails } from '../resolve/process-details.ts';
import type { ProcessTable } from '../resolve/process-table.ts';
import { UserNames } from '../resolve/user-names.ts';
import type { ConnectionEvent, Holder } from './connection-event.ts';

/** How long what /proc told of a process is believed without asking the table, which knows when to read it again. */
const believedMs = 1000;

/** How often the processes are forgotten of which no event told meanwhile. */
const expiryMs = 60_000;

interface Resolved {
  readonly owners: readonly Owner[];
  readonly atMs: number;
}

const nobody: readonly Owner[] = [];

export class HolderOwners {
  readonly #procRoot: string;
  readonly #detailsOf: (holder: Holder) => ProcessDetails | null;
  readonly #users = new UserNames();
  readonly #processes: ProcessTable;
  /** An event source names a process by the same object as long as nothing about it changes. */
  #resolved = new WeakMap<Holder, Resolved>();
  #expiredAtMs = 0;

  /** @param detailsOf what scans told of a process by another way than /proc, which may hide it; null = nothing */
  constructor(
    options: Pick<AgentConfig, 'procRoot' | 'cmdline' | 'kubelet'>,
    detailsOf: (holder: Holder) => ProcessDetails | null = () => null,
  ) {
    this.#detailsOf = detailsOf;
    this.#procRoot = options.procRoot;
    this.#processes = openProcessTable(this.#users, options);
  }

  /** The process behind an event, under no fd: which one it was, no event tells. @param nowMs on a monotonic clock */
  of({ holder }: ConnectionEvent, nowMs: number): readonly Owner[] {
    if (holder === null) return nobody;
    const known = this.#resolved.get(holder);
    if (known !== undefined && nowMs - known.atMs < believedMs) return known.owners;
    const seen = { ...holder, tid: holder.pid };
    const process = this.#processes.resolveSeen(this.#procRoot, seen, this.#detailsOf(holder), nowMs);
    const owners = known?.owners[0]?.process === process ? known.owners : [{ process, fds: [] }];
    this.#resolved.set(holder, { owners, atMs: nowMs });
    return owners;
  }

  /** To be called now and then. */
  expire(nowMs: number): void {
    this.#users.refresh();
    if (nowMs - this.#expiredAtMs < expiryMs) return;
    this.#expiredAtMs = nowMs;
    this.#processes.expire();
    this.#resolved = new WeakMap();
  }
}
