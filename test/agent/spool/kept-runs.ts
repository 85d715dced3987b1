/**
 * An agent that keeps a spool, run after run on one disk in memory, joined to an aggregator's real ingest by two queues: a test
 * kills it, stops it, breaks the link, and says when time passes. Time is the fake timers' own.
 */
import { expect, vi } from 'vitest';
import { openAgentFolder } from '../../../agent/spool/agent-folder.ts';
import { Keeping } from '../../../agent/spool/keeping.ts';
import type { ReportedSocket } from '../../../aggregator/correlate/report.ts';
import type { Disk } from '../../../disk/disk.ts';
import { segmentMark } from '../../../disk/segment-scan.ts';
import { realTimers, type Timers } from '../../../model/timers.ts';
import {
  createTestAgent,
  helloOf,
  type TestAgent,
  TestLink,
} from '../../aggregator/ingest/in-memory-link.ts';
import { MemoryDisk } from '../../support/memory-disk.ts';
import { closed, opened, socketOf } from '../export/sockets.ts';

/** Between two scans. */
export const scanMs = 250;

const bootId = 'b0070000-0000-4000-8000-000000000001';

/** One run of the agent. */
interface Run {
  readonly agent: TestAgent;
  readonly keeping: Keeping;
  isAlive: boolean;
}

export interface KeptRunsOptions {
  readonly maxBytes?: number;
  readonly closedUnackedMax?: number;
}

export class KeptRuns {
  readonly link = new TestLink(Date.now);
  readonly disk = new MemoryDisk();
  /** By the inode of each socket that is told, how often it was told. */
  readonly told = new Map<number, number>();
  /** Real sockets that are open, and when those that are over were: by their number n. */
  readonly live: number[] = [];
  readonly ended = new Map<number, number>();
  readonly #options: KeptRunsOptions;
  /** Number of a live socket in the current run. */
  #ids = new Map<number, number>();
  #lastId = 0;
  #lastSocket = 0;
  #run: Run | null = null;

  constructor(options: KeptRunsOptions = {}) {
    this.#options = options;
    this.#listen();
  }

  get run(): Run {
    return this.#run!;
  }

  /** Counts what is told by what it is, since each run numbers anew. */
  #listen(): void {
    const { ledger } = this.link.aggregator;
    const tell = ledger.opened.bind(ledger);
    ledger.opened = (socket: ReportedSocket) => {
      this.told.set(socket.inode, (this.told.get(socket.inode) ?? 0) + 1);
      tell(socket);
    };
  }

  async start(): Promise<void> {
    const run = { isAlive: true } as { -readonly [Key in keyof Run]: Run[Key] };
    const isAlive = (): boolean => run.isAlive;
    const timers = timersWhile(isAlive);
    const folder = await openAgentFolder({
      disk: diskWhile(isAlive, this.disk),
      takeFolder: () => Promise.resolve({ kind: 'taken', lock: { close: () => {} } }),
      path: '/agent',
      beginning: { unixMs: Date.now(), bootId },
    });
    if (typeof folder === 'string') throw new Error(folder);
    const clock = { nowMs: Date.now, monotonicMs: Date.now };
    const { protocol: _, session: __, ...hello } = helloOf({ epoch: folder.epoch, bootId });
    const watchedUnixMs = folder.before?.unixMs ?? 0;
    run.agent = createTestAgent(
      (endpoint, listener) => {
        const quiet = { write: () => true, isBlocked: true, finish: () => {}, cancel: () => {} };
        return run.isAlive ? this.link.connect(endpoint, listener) : quiet;
      },
      Date.now,
      {
        targetBytes: 2000,
        closedUnackedMax: this.#options.closedUnackedMax ?? 10_000,
        hello: () => ({ ...hello, watchedUnixMs }),
        timers,
        past: ({ slots, gaps }) => {
          const { maxBytes = 1 << 20 } = this.#options;
          run.keeping = new Keeping({ folder, maxBytes, slots, gaps, clock, timers, bootId });
          return run.keeping.past;
        },
      },
    );
    this.#run = run;
    this.#ids = new Map();
    this.#lastId = 0;
    for (const n of this.live) this.#tellOpened(n, true);
    this.#scan();
    run.agent.stream.start();
  }

  open(): number {
    const n = ++this.#lastSocket;
    this.live.push(n);
    this.#tellOpened(n, false);
    return n;
  }

  close(n: number): void {
    this.live.splice(this.live.indexOf(n), 1);
    this.ended.set(n, Date.now());
    const id = this.#ids.get(n)!;
    if (this.#run?.isAlive)
      this.run.agent.slots.apply({ ...closed(id, {}, Date.now()), socket: socketOf(n) } as never);
  }

  #tellOpened(n: number, wasThere: boolean): void {
    if (!this.#run?.isAlive) return;
    const id = ++this.#lastId;
    this.#ids.set(n, id);
    const event = opened(id, {}, Date.now());
    const notBeforeMs = wasThere ? 0 : Date.now() - scanMs;
    this.run.agent.slots.apply({ ...event, socket: socketOf(n), notBeforeMs } as never);
  }

  #scan(): void {
    const nowMs = Date.now();
    this.run.keeping.scanned({ startedAtMs: nowMs, finishedAtMs: nowMs });
  }

  /** As kill -9 does. */
  kill(): void {
    this.run.isAlive = false;
    this.link.break();
  }

  /** As SIGTERM does. */
  async stop(): Promise<void> {
    const closing = this.run.agent.stream.close();
    await vi.advanceTimersByTimeAsync(1200);
    await closing;
    await this.run.keeping.close();
    this.run.isAlive = false;
    this.link.break();
  }

  /** Time passes, scan by scan. */
  async wait(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= scanMs) {
      await vi.advanceTimersByTimeAsync(Math.min(scanMs, left));
      this.link.deliverHello();
      if (!this.run.isAlive) continue;
      this.#scan();
      this.run.agent.stream.flush();
    }
  }

  get hasSpool(): boolean {
    // A disk that works again has a segment with nothing in it.
    return (this.run.keeping.tables[0]?.size ?? 0) > segmentMark.length;
  }

  /** Faults stop: lets everything arrive. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 400; turn++) {
      await this.wait(scanMs);
      this.link.deliverToServer();
      this.link.deliverToAgent();
      const { slots, stream, gaps } = this.run.agent;
      const isAllTold = slots.pendingCount + gaps.pendingCount + stream.inFlight.batches === 0;
      if (stream.state.kind === 'streaming' && isAllTold && slots.closedCount === 0 && !this.hasSpool) return;
    }
    expect.unreachable(
      `not settled: ${JSON.stringify([this.run.agent.stream.state, this.run.keeping.tables])}`,
    );
  }

  /** Sockets that were told several times, or are over and neither told nor in a gap. */
  get wrong(): readonly string[] {
    const { gaps } = this.link.aggregator.host;
    const isDeclared = (atMs: number): boolean =>
      gaps.some(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs);
    const wrong: string[] = [];
    for (const [inode, count] of this.told) if (count !== 1) wrong.push(`${inode} was told ${count} times`);
    for (const [n, atMs] of this.ended) {
      const { inode } = socketOf(n);
      if (!this.told.has(inode) && !isDeclared(atMs)) wrong.push(`${inode}, over at ${atMs}, was never told`);
    }
    return wrong;
  }

  /** Inodes of the sockets that the aggregator holds open. */
  get copied(): number[] {
    return [...this.link.aggregator.ledger.open].map(({ inode }) => inode).sort((a, b) => a - b);
  }

  get liveInodes(): number[] {
    return this.live.map((n) => socketOf(n).inode).sort((a, b) => a - b);
  }
}

function timersWhile(isAlive: () => boolean): Timers {
  const ifAlive = (call: () => void) => () => {
    if (isAlive()) call();
  };
  return {
    after: (ms, call) => realTimers.after(ms, ifAlive(call)),
    every: (ms, call) => realTimers.every(ms, ifAlive(call)),
    soon: (call) => realTimers.soon(ifAlive(call)),
  };
}

/** A disk that a process has: once that is dead, nothing that it asks for happens, or is answered. */
function diskWhile(isAlive: () => boolean, disk: Disk): Disk {
  const ifAlive = <Value>(action: () => Promise<Value>): Promise<Value> =>
    isAlive() ? action() : new Promise(() => {});
  return {
    list: (folder) => disk.list(folder),
    read: (path) => disk.read(path),
    sizeOf: (path) => disk.sizeOf(path),
    openAppend: (path) => {
      const file = disk.openAppend(path);
      return {
        get size() {
          return file.size;
        },
        append: (pieces) => ifAlive(() => file.append(pieces)),
        sync: () => ifAlive(() => file.sync()),
        close: () => file.close(),
      };
    },
    replace: (path, bytes) => ifAlive(() => disk.replace(path, bytes)),
    remove: (path) => void (isAlive() && disk.remove(path)),
    rename: (from, to) => void (isAlive() && disk.rename(from, to)),
    truncate: (path, size) => void (isAlive() && disk.truncate(path, size)),
    makeFolder: (folder) => disk.makeFolder(folder),
    syncFolder: (folder) => ifAlive(() => disk.syncFolder(folder)),
  };
}
