/** Whose question is worked on when, with a clock that goes on by a millisecond for each step. */
import { describe, expect, test } from 'vitest';
import {
  AnswerTurns,
  questionsMax,
  sliceMs,
  TooManyQuestions,
} from '../../../aggregator/serve/answer-turns.ts';
import type { Steps } from '../../../aggregator/steps.ts';
import { until } from '../../support/until.ts';

class Loop {
  readonly turns: AnswerTurns;
  readonly log: string[] = [];
  nowMs = 0;
  #deferred: (() => void)[] = [];

  constructor() {
    this.turns = new AnswerTurns({
      monotonicClock: () => this.nowMs,
      defer: (serve) => void this.#deferred.push(serve),
    });
  }

  /** A question of so many steps. */
  *question(name: string, steps: number): Steps<string> {
    try {
      for (let n = 0; n < steps; n++) {
        this.log.push(name);
        this.nowMs += 1;
        yield;
      }
    } finally {
      this.log.push(`${name} over`);
    }
    return name.toUpperCase();
  }

  /** One turn of the event loop. @returns what was worked on */
  turn(): string[] {
    const from = this.log.length;
    for (const serve of this.#deferred.splice(0)) serve();
    return this.log.slice(from);
  }

  get isAsleep(): boolean {
    return this.#deferred.length === 0;
  }
}

describe('questions', () => {
  test('that wait for another thread stand in no line until it answers, and last then', async () => {
    const loop = new Loop();
    let answer = (): void => {};
    const waits = function* (): Steps<string> {
      loop.log.push('asks');
      yield new Promise<void>((resolve) => (answer = resolve));
      loop.log.push('goes on');
      return 'ANSWERED';
    };
    const away = loop.turns.ask(waits());
    const here = loop.turns.ask(loop.question('here', 1));
    expect(loop.turn()).toEqual(['asks', 'here', 'here over']);
    expect(await here).toBe('HERE');
    expect(loop.isAsleep).toBe(true);
    expect(loop.turns.waiting).toBe(1);
    answer();
    await until('it stands in line', () => !loop.isAsleep);
    expect(loop.turn()).toEqual(['goes on']);
    expect(await away).toBe('ANSWERED');
    expect(loop.turns.waiting).toBe(0);
  });

  test('are worked on for a slice of time, then others have their turn, and whoever is not done stands last', async () => {
    const loop = new Loop();
    const answers = Promise.all([
      loop.turns.ask(loop.question('long', sliceMs + 2)),
      loop.turns.ask(loop.question('short', 2)),
      loop.turns.ask(loop.question('other', 1)),
    ]);
    expect(loop.log).toEqual([]);
    expect(loop.turn()).toEqual(Array(sliceMs).fill('long'));
    expect(loop.turns.waiting).toBe(3);
    expect(loop.turn()).toEqual(['short', 'short', 'short over', 'other', 'other over', 'long', 'long']);
    expect(loop.turn()).toEqual(['long over']);
    expect(await answers).toEqual(['LONG', 'SHORT', 'OTHER']);
    expect(loop.turns.waiting).toBe(0);
    expect(loop.isAsleep).toBe(true);
  });

  test('that nobody wants any more end, with what they hold', async () => {
    const loop = new Loop();
    let isWanted = true;
    const answer = loop.turns.ask(loop.question('long', 3 * sliceMs), () => isWanted);
    loop.turn();
    isWanted = false;
    expect(loop.turn()).toEqual(['long over']);
    expect(await answer).toBeNull();
    expect(loop.isAsleep).toBe(true);
  });

  test('that fail are told so, and others go on', async () => {
    const loop = new Loop();
    const failing = (function* (): Steps<string> {
      yield;
      throw new RangeError('no');
    })();
    const [failed, other] = [loop.turns.ask(failing), loop.turns.ask(loop.question('other', 1))];
    loop.turn();
    await expect(failed).rejects.toThrow(new RangeError('no'));
    expect(await other).toBe('OTHER');
  });

  test('are turned away and counted when too many wait', async () => {
    const loop = new Loop();
    const asked = Array.from({ length: questionsMax }, (_, n) => loop.turns.ask(loop.question(`${n}`, 0)));
    await expect(loop.turns.ask(loop.question('one more', 1))).rejects.toThrow(new TooManyQuestions());
    expect(loop.turns.refusedTotal).toBe(1);
    while (!loop.isAsleep) loop.turn();
    expect(await Promise.all(asked)).toEqual(asked.map((_, n) => `${n}`));
  });
});
