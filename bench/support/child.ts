/** A role of the bench's own program in a process of its own, which is asked and answers over its channel. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

export class Child {
  readonly #process: ChildProcess;

  /** @param program the bench's own @param argv the role and what it wants */
  constructor(program: string, argv: readonly string[], execArgv: readonly string[] = []) {
    this.#process = fork(program, argv, { execArgv: [...execArgv] });
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** What it says next. Throws when it ended instead. */
  async said<Answer>(): Promise<Answer> {
    const settled = new AbortController();
    const { signal } = settled;
    const ended = once(this.#process, 'exit', { signal }).then(() => [undefined]);
    // Whichever comes second is not waited for any more.
    ended.catch(() => {});
    const [answer] = (await Promise.race([once(this.#process, 'message', { signal }), ended])) as [
      Answer | undefined,
    ];
    settled.abort();
    if (answer === undefined) throw new Error(`a program of the bench ended without an answer`);
    return answer;
  }

  async ask<Answer>(question: object | string): Promise<Answer> {
    const answer = this.said<Answer>();
    this.#process.send(question);
    return answer;
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }
}
