/**
 * A thread that looks at rows of the core for questions, so that the one that takes in what agents tell does not have to. It
 * is started when a question first could use it, and no question waits for that. When it fails, whoever waits for it goes on
 * without, and it is started anew, a few times.
 *
 *     idle ──▶ starting ──▶ ready
 *      ▲           │          │ fails
 *      └───────────┴──────────┤
 *                             ▼
 *                          given up (it failed startsMax times), closed
 */
import { Worker } from 'node:worker_threads';
import type { SievedWords } from './row-sieve.ts';
import { type FromSieve, type SieveWorkerData, sieveProtocol, type ToSieve } from './sieve-messages.ts';
import type { SievePlan } from './sieve-plan.ts';

/** How often it is started, at most: what fails that often will fail again. */
export const startsMax = 3;

/** Rows that it is worth asking for, at least: to look at fewer costs less than the messages. */
const usualRowsMin = 32_768;

/** Heap of the thread, in MiB: it has its program, and the plans of questions under way. */
const heapMaxMb = 64;

/** Beside this module, in whatever form that is. */
const program = new URL(`./sieve-worker${/\.\w+$/.exec(import.meta.url)![0]}`, import.meta.url);

/** All rows from `to` on, and below where the block before ended, that may be selected; the highest first. */
export interface FoundRows {
  readonly to: number;
  readonly rows: Int32Array;
}

export interface SieveThreadOptions {
  /** Asked when the thread is started. */
  readonly words: () => SievedWords;
  /** Of the thread. */
  readonly program?: URL;
  /** Default: usualRowsMin. */
  readonly rowsMin?: number;
  readonly onFailure: (error: Error) => void;
}

type State =
  | { readonly kind: 'idle' | 'given up' | 'closed' }
  | { readonly kind: 'starting' | 'ready'; readonly worker: Worker };

type Heard = (found: FoundRows | null) => void;

export class SieveThread {
  readonly #options: SieveThreadOptions;
  #state: State = { kind: 'idle' };
  /** Questions that wait for a block. */
  readonly #waiting = new Map<number, Heard>();
  #lastQuestion = 0;
  #starts = 0;
  /** Times that it failed. */
  failures = 0;
  /** Rows that it looked at. */
  looked = 0;
  /** Rows that it found, and those of them that were not to be selected when they were looked at again. */
  found = 0;
  refused = 0;

  constructor(options: SieveThreadOptions) {
    this.#options = options;
  }

  get isReady(): boolean {
    return this.#state.kind === 'ready';
  }

  get isStarting(): boolean {
    return this.#state.kind === 'starting';
  }

  /** Begins to look at rows below `top`. @returns null where they are too few, or while it is not ready: the next question may use it */
  search(plan: SievePlan, top: number): FoundBlocks | null {
    if (top < (this.#options.rowsMin ?? usualRowsMin)) return null;
    if (this.#state.kind === 'idle') this.#start();
    if (this.#state.kind !== 'ready') return null;
    const question = ++this.#lastQuestion;
    const { worker } = this.#state;
    const first = this.#ask(worker, { kind: 'begin', question, from: top, plan });
    return new FoundBlocks(this, first, {
      goOn: (from) => this.#ask(worker, { kind: 'go on', question, from }),
      end: () => this.#say(worker, { kind: 'end', question }),
    });
  }

  /** Whoever waits goes on without. Idempotent. */
  async close(): Promise<void> {
    const { worker } = { worker: null, ...this.#state };
    this.#become({ kind: 'closed' });
    await worker?.terminate();
  }

  /** @param worker knows the question; one that was started later does not. @returns null when it answers no more */
  #ask(worker: Worker, message: Exclude<ToSieve, { kind: 'end' }>): Promise<FoundRows | null> {
    if (!this.#isOf(worker)) return Promise.resolve(null);
    worker.ref();
    return new Promise((resolve) => {
      this.#waiting.set(message.question, (found) => {
        if (found !== null) this.looked += message.from - found.to;
        resolve(found);
      });
      this.#say(worker, message);
    });
  }

  #say(worker: Worker, message: ToSieve): void {
    if (this.#isOf(worker)) worker.postMessage(message);
  }

  #start(): void {
    this.#starts++;
    try {
      const workerData: SieveWorkerData = this.#options.words();
      const worker = new Worker(this.#options.program ?? program, {
        name: 'sieve',
        workerData,
        execArgv: [],
        resourceLimits: { maxOldGenerationSizeMb: heapMaxMb },
      });
      worker.on('message', (message: FromSieve) => this.#hear(worker, message));
      worker.on('error', (error: Error) => this.#fail(worker, error));
      worker.on('exit', (code) => this.#fail(worker, new Error(`it ended with ${code}`)));
      this.#become({ kind: 'starting', worker });
    } catch (error) {
      this.#fail(null, error as Error);
    }
  }

  #hear(worker: Worker, message: FromSieve): void {
    if (!this.#isOf(worker)) return;
    if (message.kind === 'ready') return this.#begin(worker, message.protocol);
    const heard = this.#waiting.get(message.question);
    this.#waiting.delete(message.question);
    if (this.#waiting.size === 0) worker.unref();
    this.found += message.rows.length;
    heard?.(message);
  }

  #begin(worker: Worker, protocol: number): void {
    // A thread that nobody waits for does not keep the process.
    worker.unref();
    if (protocol === sieveProtocol) return this.#become({ kind: 'ready', worker });
    this.#fail(worker, new Error('its program is of another version than this process'));
    void worker.terminate();
  }

  /** The thread tells its end twice. @param worker null = there is none */
  #fail(worker: Worker | null, error: Error): void {
    if (worker !== null && !this.#isOf(worker)) return;
    this.failures++;
    this.#become({ kind: this.#starts < startsMax ? 'idle' : 'given up' });
    this.#options.onFailure(error);
  }

  #isOf(worker: Worker): boolean {
    return 'worker' in this.#state && this.#state.worker === worker;
  }

  /** The one place where the state changes. */
  #become(next: State): void {
    this.#state = next;
    if ('worker' in next) return;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const heard of waiting) heard(null);
  }
}

/** How a question reaches the thread. */
interface Reach {
  readonly goOn: (from: number) => Promise<FoundRows | null>;
  readonly end: () => void;
}

/** What the thread finds for one question, a block at a time; while one is worked on, the next one is looked for. */
export class FoundBlocks {
  readonly #thread: SieveThread;
  readonly #reach: Reach;
  #next: Promise<FoundRows | null>;
  #isMore = true;

  constructor(thread: SieveThread, first: Promise<FoundRows | null>, reach: Reach) {
    this.#thread = thread;
    this.#reach = reach;
    this.#next = this.#followed(first);
  }

  /** @returns the rows below those before; null when nobody looks for them any more. Never rejects */
  next(): Promise<FoundRows | null> {
    const next = this.#next;
    this.#next = this.#followed(
      next.then((found) => (found !== null && this.#isMore ? this.#reach.goOn(found.to) : null)),
    );
    return next;
  }

  #followed(block: Promise<FoundRows | null>): Promise<FoundRows | null> {
    return block.then((found) => {
      if (found === null || found.to === 0) this.#isMore = false;
      return found;
    });
  }

  /** So many of those found were not to be selected. */
  refuse(count: number): void {
    this.#thread.refused += count;
  }

  /** Nobody wants more. */
  close(): void {
    if (this.#isMore) this.#reach.end();
    this.#isMore = false;
  }
}
