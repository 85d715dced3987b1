/**
 * How much a scan of fds has to read: everything, or only what may have changed since the last one.
 *
 *     recognised   sockets that came or went show in the scan itself (agent/bpf/imprint-program.ts)
 *     marked       a socket changed its state: every process that holds it is read
 *     everything   a change may have been lost, the last scan was not taken in, or it is time to
 *
 * A change is told just before it is made, and may be told while a scan is under way. So each is taken note of for two
 * scans: the one after it was heard of, and the next; and what is heard during a scan counts for the processes that held
 * the socket before that scan, and for those that hold it after.
 */
import type { Extent } from '../bpf/scan-maps.ts';
import type { SocketScan } from '../bpf/socket-scan.ts';
import type { StateChanges } from '../bpf/state-changes.ts';
import type { Holder } from './socket-slots.ts';

/**
 * From one scan of everything to the next: how old what a scan tells may be where no event tells of a change, which is the
 * user of a socket (fchown), and the source address of a connection that is begun anew (net.ipv4.ip_dynaddr).
 */
export const everythingIntervalMs = 10_000;

/** Whoever knows which processes hold a socket. */
interface Holders {
  holdersOf(inode: number): Iterable<Pick<Holder, 'index'>>;
}

type Changes = Pick<StateChanges, 'take' | 'count' | 'close'>;

export interface ScanExtentOptions {
  readonly scan: Pick<SocketScan, 'mark'>;
  readonly held: Holders;
  /** Null where changes are not told. Asked once, for the second scan: a single one has no use for them. */
  readonly openChanges: () => Promise<Changes | null>;
  /** Default everythingIntervalMs. */
  readonly intervalMs?: number | undefined;
}

export class ScanExtent {
  readonly #options: ScanExtentOptions;
  /** undefined = not tried yet. */
  #changes: Changes | null | undefined;
  #scans = 0;
  /** Whether every change since the last scan of everything was heard, and every scan taken in. */
  #isFollowing = false;
  #everythingAtMs = Number.NEGATIVE_INFINITY;
  /** Inodes that changed since the last but one scan began. */
  #recent: number[] = [];
  /** Processes that held, before the last scan, a socket which changed while it was made. */
  #overtaken = new Set<Pick<Holder, 'index'>>();

  constructor(options: ScanExtentOptions) {
    this.#options = options;
  }

  /** To be called before a scan. @param nowMs on a monotonic clock. Rejects with BpfError. */
  async begin(nowMs: number): Promise<Extent> {
    if (++this.#scans > 1 && this.#changes === undefined) this.#changes = await this.#options.openChanges();
    const changes = this.#changes ?? null;
    if (changes === null) return 'everything';
    const heard: number[] = [];
    const isComplete = changes.take((inode) => heard.push(inode));
    const { intervalMs = everythingIntervalMs } = this.#options;
    const isDue = nowMs - this.#everythingAtMs >= intervalMs;
    const extent = this.#isFollowing && isComplete && !isDue ? 'changes' : 'everything';
    if (extent === 'everything') this.#everythingAtMs = nowMs;
    else this.#mark(heard);
    this.#recent = heard;
    this.#overtaken = new Set();
    this.#isFollowing = false;
    return extent;
  }

  /** To be called when the kernel's part of it is done, while the holders are those of the scan before. Throws BpfError. */
  walked(): void {
    if (this.#changes === null || this.#changes === undefined) return;
    this.#isFollowing = this.#changes.take((inode) => {
      this.#recent.push(inode);
      for (const holder of this.#options.held.holdersOf(inode)) this.#overtaken.add(holder);
    });
  }

  /** See StateChanges; null while changes are not told. Throws BpfError. */
  changeCount(namespaces: Iterable<number>): number | null {
    return this.#changes?.count(namespaces) ?? null;
  }

  /** To be called when the scan was not taken in. */
  failed(): void {
    this.#isFollowing = false;
  }

  /** Idempotent. */
  close(): void {
    this.#changes?.close();
    this.#changes = null;
  }

  #mark(heard: readonly number[]): void {
    const { scan, held } = this.#options;
    for (const { index } of this.#overtaken) scan.mark(index);
    for (const inode of new Set([...this.#recent, ...heard])) {
      for (const { index } of held.holdersOf(inode)) scan.mark(index);
    }
  }
}
