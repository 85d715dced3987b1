/**
 * Who is answered when: questions are worked on in slices of time, whoever asked first before the others, and between two
 * slices the event loop has its turn, so that no question keeps agents' messages waiting, and none keeps a shorter one. A
 * question that waits for another thread stands in no line until that has answered.
 */
import type { Steps } from '../steps.ts';
import { TurnOfLoop, type TurnOptions } from '../turn-of-loop.ts';

/** How long questions are worked on before the event loop has its turn; the last step may go on beyond it. */
export const sliceMs = 5;

/** Questions at a time that are not answered yet. */
export const questionsMax = 256;

/** No more questions are taken. */
export class TooManyQuestions extends Error {
  override readonly name = 'TooManyQuestions';

  constructor() {
    super(`${questionsMax} questions wait for their answers already`);
  }
}

/** What a step of a question leads to; a promise = it goes on when that is settled. */
type Stepped = 'over' | 'more' | Promise<void>;

/** A question that stands in line. */
interface Asked {
  readonly step: () => Stepped;
}

export class AnswerTurns {
  readonly #now: () => number;
  readonly #turn: TurnOfLoop;
  /** The one to be worked on next first. */
  readonly #asked = new Set<Asked>();
  /** Those that wait for another thread. */
  #away = 0;
  /** Questions turned away at questionsMax. */
  refusedTotal = 0;

  constructor({ monotonicClock, defer }: Partial<TurnOptions> = {}) {
    this.#now = monotonicClock ?? (() => performance.now());
    this.#turn = new TurnOfLoop(() => this.#serve(), defer);
  }

  /** Questions that are not answered yet. */
  get waiting(): number {
    return this.#asked.size + this.#away;
  }

  /**
   * What comes of it; null when nobody wants it any more. Rejects with what a step throws, and with TooManyQuestions.
   * @param isWanted asked before each slice
   */
  ask<Result>(steps: Steps<Result>, isWanted: () => boolean = () => true): Promise<Result | null> {
    if (this.waiting >= questionsMax) {
      this.refusedTotal++;
      return Promise.reject(new TooManyQuestions());
    }
    return new Promise((resolve, reject) => {
      const step = (): Stepped => {
        try {
          const next = steps.next();
          if (next.done !== true) return next.value ?? 'more';
          resolve(next.value);
        } catch (error) {
          reject(error as Error);
        }
        return 'over';
      };
      const stepIfWanted = (): Stepped => {
        if (isWanted()) return step();
        steps.return(null as Result);
        resolve(null);
        return 'over';
      };
      this.#asked.add({ step: stepIfWanted });
      this.#turn.ask();
    });
  }

  #serve(): void {
    const endMs = this.#now() + sliceMs;
    for (const asked of this.#asked) {
      this.#asked.delete(asked);
      const stepped = this.#goOn(asked, endMs);
      if (stepped === 'more') {
        // Last in line from now on.
        this.#asked.add(asked);
        break;
      }
      if (stepped !== 'over') this.#await(asked, stepped);
      if (this.#now() >= endMs) break;
    }
    if (this.#asked.size > 0) this.#turn.ask();
  }

  #goOn({ step }: Asked, endMs: number): Stepped {
    for (;;) {
      const stepped = step();
      if (stepped !== 'more' || this.#now() >= endMs) return stepped;
    }
  }

  /** It stands in line again afterwards, last. */
  #await(asked: Asked, settled: Promise<void>): void {
    this.#away++;
    const goOn = (): void => {
      this.#away--;
      this.#asked.add(asked);
      this.#turn.ask();
    };
    void settled.then(goOn, goOn);
  }
}
