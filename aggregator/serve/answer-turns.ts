/**
 * Who is answered when: questions are worked on in slices of time, whoever asked first before the others, and between two
 * slices the event loop has its turn, so that no question keeps agents' messages waiting, and none keeps a shorter one.
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

/** A question that stands in line. */
interface Asked {
  /** Goes on with it. @returns whether it is over */
  readonly step: () => boolean;
}

export class AnswerTurns {
  readonly #now: () => number;
  readonly #turn: TurnOfLoop;
  /** The one to be worked on next first. */
  readonly #asked = new Set<Asked>();
  /** Questions turned away at questionsMax. */
  refusedTotal = 0;

  constructor({ monotonicClock, defer }: Partial<TurnOptions> = {}) {
    this.#now = monotonicClock ?? (() => performance.now());
    this.#turn = new TurnOfLoop(() => this.#serve(), defer);
  }

  /** Questions that are not answered yet. */
  get waiting(): number {
    return this.#asked.size;
  }

  /**
   * What comes of it; null when nobody wants it any more. Rejects with what a step throws, and with TooManyQuestions.
   * @param isWanted asked before each slice
   */
  ask<Result>(steps: Steps<Result>, isWanted: () => boolean = () => true): Promise<Result | null> {
    if (this.#asked.size >= questionsMax) {
      this.refusedTotal++;
      return Promise.reject(new TooManyQuestions());
    }
    return new Promise((resolve, reject) => {
      const step = (): boolean => {
        try {
          const next = steps.next();
          if (next.done === true) resolve(next.value);
          return next.done === true;
        } catch (error) {
          reject(error as Error);
          return true;
        }
      };
      const stepIfWanted = (): boolean => {
        if (isWanted()) return step();
        steps.return(null as Result);
        resolve(null);
        return true;
      };
      this.#asked.add({ step: stepIfWanted });
      this.#turn.ask();
    });
  }

  #serve(): void {
    const endMs = this.#now() + sliceMs;
    for (const asked of this.#asked) {
      this.#asked.delete(asked);
      if (!this.#goOn(asked, endMs)) {
        // Last in line from now on.
        this.#asked.add(asked);
        break;
      }
      if (this.#now() >= endMs) break;
    }
    if (this.#asked.size > 0) this.#turn.ask();
  }

  /** @returns whether it is over */
  #goOn({ step }: Asked, endMs: number): boolean {
    do {
      if (step()) return true;
    } while (this.#now() < endMs);
    return false;
  }
}
