/**
 * The loop: mutate, run, keep what did something new, and tell of what should not be.
 *
 * What looks like a hang or like too much memory is run again: only what does it every time counts, by CPU time, since a machine
 * may be busy with something else.
 */
import { Interruptible } from './interruptible.ts';
import { type Materials, mutate } from './mutator.ts';
import { collectGarbage, hangMs, type Outcome, outcomeOf } from './outcome.ts';
import { type Random, randomOf } from './random.ts';
import { inputBytesMax, type Target } from './target.ts';

/** Inputs that are kept in memory to make others of. */
export const keptMax = 2000;

/** How long a batch lasts within which nothing but the loop runs. */
const batchMs = 100;

/** How often a suspicion is looked into: a hang has to show each time. */
const proofs = 2;

export interface Finding {
  readonly target: string;
  readonly input: Buffer;
  readonly outcome: Exclude<Outcome, { kind: 'value' | 'refused' }>;
}

export class FuzzLoop {
  readonly target: Target;
  readonly #interruptible = new Interruptible();
  readonly #random: Random;
  readonly #kept: Buffer[];
  readonly #materials: Materials;
  readonly #keys = new Set<string>();
  readonly #findings = new Map<string, Finding>();
  /** Told of each input before it is run. */
  readonly #watch: (input: Buffer) => void;
  inputs = 0;

  /** @param corpus is run by runCorpus, and changed by run */
  constructor(
    target: Target,
    corpus: readonly Buffer[],
    seed: number,
    watch: (input: Buffer) => void = () => {},
  ) {
    this.target = target;
    this.#random = randomOf(seed);
    this.#watch = watch;
    const whole = [...corpus, Buffer.alloc(0)].filter(({ length }) => length <= inputBytesMax);
    this.#kept = whole;
    this.#materials = { corpus: this.#kept, tokens: target.tokens.map((token) => Buffer.from(token)) };
  }

  /** One for each thing that went wrong. */
  get findings(): readonly Finding[] {
    return [...this.#findings.values()];
  }

  /** Different outcomes so far. */
  get outcomes(): number {
    return this.#keys.size;
  }

  /** Every input of the corpus as it is. */
  async runCorpus(): Promise<void> {
    const inputs = [...this.#kept];
    let next = 0;
    await this.#runWhile(() => inputs[next++] ?? null);
  }

  /** Mutations, until `isOver`; which is asked after each. The same ones in each run, if only their number ends it. */
  async run(isOver: () => boolean): Promise<void> {
    await this.#runWhile(() => (isOver() ? null : this.#mutation()));
  }

  #mutation(): Buffer {
    const input = mutate(this.#random, this.#materials);
    const { repair } = this.target;
    return repair !== undefined && this.#random.below(4) > 0 ? repair(Buffer.from(input)) : input;
  }

  async #runWhile(nextInput: () => Buffer | null): Promise<void> {
    for (let isMore = true; isMore; ) {
      let current: Buffer = Buffer.alloc(0);
      let waiting: Promise<Outcome> | null = null;
      const inTime = this.#interruptible.run(batchMs + hangMs, () => {
        const endMs = performance.now() + batchMs;
        while (performance.now() < endMs && waiting === null) {
          const input = nextInput();
          isMore = input !== null;
          if (input === null) return;
          current = input;
          const outcome = this.#begin(input);
          if (outcome instanceof Promise) waiting = outcome;
          else this.#take(input, outcome);
        }
      });
      if (!inTime) this.#suspect(current, { kind: 'hang', key: 'hang' });
      else if (waiting !== null) this.#take(current, await settled(waiting));
      // Whoever watches has its turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #begin(input: Buffer): Outcome | Promise<Outcome> {
    this.inputs++;
    this.#watch(input);
    // Of its own, so that nothing that holds on to it sees others in it.
    const own = Buffer.from(input);
    return outcomeOf(this.target, () => this.target.run(own));
  }

  #take(input: Buffer, outcome: Outcome): void {
    if (outcome.kind === 'crash') this.#found(input, outcome);
    else if (outcome.kind === 'hang' || outcome.kind === 'memory') this.#suspect(input, outcome);
    else if (!this.#keys.has(outcome.key) && this.#kept.length < keptMax) {
      this.#keys.add(outcome.key);
      this.#kept.push(input);
    }
  }

  #suspect(input: Buffer, outcome: Finding['outcome']): void {
    const shown = Array.from({ length: proofs }, () => this.outcomeNow(input, true)?.kind === outcome.kind);
    // Memory of buffers is given back later than it is free, which may hide what is taken but never feigns it.
    if (outcome.kind === 'memory' ? shown.includes(true) : !shown.includes(false))
      this.#found(input, outcome);
  }

  #found(input: Buffer, outcome: Finding['outcome']): void {
    if (this.#findings.has(outcome.key)) return;
    this.#findings.set(outcome.key, { target: this.target.name, input: Buffer.from(input), outcome });
  }

  /**
   * How one input ends, at once; null for what only ends later.
   * @param isMemoryAsked nothing of earlier inputs hides then what this one takes
   */
  outcomeNow(input: Buffer, isMemoryAsked = false): Outcome | null {
    for (let timeoutMs = 2 * hangMs; ; timeoutMs *= 2) {
      let outcome: Outcome | Promise<Outcome> | null = null;
      if (isMemoryAsked) collectGarbage();
      const before = process.cpuUsage();
      const inTime = this.#interruptible.run(timeoutMs, () => {
        outcome = this.#begin(input);
      });
      const { user, system } = process.cpuUsage(before);
      if ((user + system) / 1000 >= hangMs) return { kind: 'hang', key: 'hang' };
      if (inTime) return (outcome as unknown) instanceof Promise ? null : outcome;
      if (timeoutMs > hangWallMs) return { kind: 'hang', key: 'hang' };
    }
  }
}

/** What does not end in this time hangs, however little CPU time it gets of a busy machine. */
const hangWallMs = 30_000;

/** What has no end counts as a hang, too. */
async function settled(outcome: Promise<Outcome>): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Outcome>((resolve) => {
    timer = setTimeout(
      () => resolve({ kind: 'crash', key: 'no end', error: new Error('it never ends') }),
      neverMs,
    );
  });
  try {
    return await Promise.race([outcome, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** After so long, what waits for something waits in vain. */
const neverMs = 20_000;
