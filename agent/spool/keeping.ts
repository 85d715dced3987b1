/** What an agent with a folder has beside one without: the spool, what goes there, and what is told from there. */
import { DiskError } from '../../disk/disk-error.ts';
import type { Clock, Timers } from '../../model/timers.ts';
import type { BoundedTable } from '../bounded-table.ts';
import type { GapLedger } from '../export/gap-ledger.ts';
import type { PastMessages } from '../export/past-messages.ts';
import type { SlotTable } from '../export/slot-table.ts';
import type { AgentFolder } from './agent-folder.ts';
import { Spool, type SpoolLoss } from './spool.ts';
import { Spooling } from './spooling.ts';
import { SpoolTelling } from './telling.ts';
import { WatchedFile } from './watched.ts';

export interface KeepingOptions {
  readonly folder: AgentFolder;
  /** Bytes of the spool; 0 = sockets are not kept on the disk. */
  readonly maxBytes: number;
  readonly slots: SlotTable;
  readonly gaps: GapLedger;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly bootId: string;
}

/** The times of a scan, unix milliseconds. */
export interface ScanTimes {
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
}

export class Keeping {
  readonly #options: KeepingOptions;
  readonly #spool: Spool | null;
  readonly #spooling: Spooling;
  readonly #telling: SpoolTelling | null;
  /** Why there is no spool; null = there is one, or none is wanted. */
  readonly #problem: DiskError | null;
  #hasScanned = false;

  constructor(options: KeepingOptions) {
    this.#options = options;
    const { folder, maxBytes, slots, gaps, clock, timers, bootId } = options;
    const { disk, path, epoch } = folder;
    const lose = ({ reason, fromUnixMs, toUnixMs, count }: SpoolLoss): void => {
      if (count > 0) gaps.lose(reason, fromUnixMs, toUnixMs, count);
      else gaps.unwatched(reason, fromUnixMs, toUnixMs);
    };
    const opened = maxBytes === 0 ? null : Spool.open({ disk, folder: path, maxBytes, clock, lose });
    this.#problem = opened instanceof DiskError ? opened : null;
    this.#spool = opened instanceof DiskError ? null : opened;
    const watched = new WatchedFile(disk, path, bootId);
    this.#spooling = new Spooling({ slots, gaps, spool: this.#spool, watched, epoch, clock, timers });
    this.#telling = this.#spool === null ? null : new SpoolTelling(this.#spool, lose);
  }

  /** Up to when the run before has watched, in this boot; null = there was none. */
  get watchedBeforeMs(): number | null {
    const { folder, bootId } = this.#options;
    return folder.before?.bootId === bootId ? folder.before.unixMs : null;
  }

  /** What the stream is to tell beside the slot table. */
  get past(): PastMessages | null {
    return this.#telling;
  }

  get cannotSee(): readonly string[] {
    const problem = this.#problem === null ? [] : [`the spool cannot be used: ${this.#problem.message}`];
    return [...problem, ...this.#spooling.cannotSee];
  }

  get tables(): readonly BoundedTable[] {
    return this.#spool?.tables ?? [];
  }

  /** Sockets that went to the spool, messages told from there, and pieces of it that could not be read; since the start. */
  get totals(): { readonly spooled: number; readonly told: number; readonly damaged: number } {
    const [told, damaged] = [this.#telling?.told ?? 0, this.#spool?.damaged ?? 0];
    return { spooled: this.#spooling.total, told, damaged };
  }

  /** A scan was applied. Before the first one is told, the time since the run before is declared. */
  scanned(scan: ScanTimes): void {
    if (!this.#hasScanned) this.#declareAbsence(scan);
    this.#hasScanned = true;
    this.#spooling.tick(scan.startedAtMs);
  }

  #declareAbsence({ startedAtMs, finishedAtMs }: ScanTimes): void {
    const { folder, gaps } = this.#options;
    if (folder.before === null) return;
    const reason = this.watchedBeforeMs === null ? 'the host was rebooted' : 'the agent was not running';
    // The clock may have been set back since.
    gaps.unwatched(reason, Math.min(folder.before.unixMs, startedAtMs), finishedAtMs);
  }

  /** Keeps all that is not acknowledged, and lets go of the folder. */
  async close(): Promise<void> {
    if (this.#hasScanned) await this.#spooling.close();
    this.#options.folder.lock.close();
  }
}
