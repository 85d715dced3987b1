/** Work that is stopped when it takes too long, wherever in it that is: also in a loop without end, or in a regular expression. */
import { createContext, Script } from 'node:vm';

export class Interruptible {
  readonly #script = new Script('work()');
  readonly #global: { work: () => void } = { work: () => {} };
  readonly #context = createContext(this.#global);

  /**
   * Does it on this thread. What it throws comes out.
   * @returns false when it was stopped: then nothing behind the place where it was has run, `finally` neither
   */
  run(timeoutMs: number, work: () => void): boolean {
    this.#global.work = work;
    try {
      this.#script.runInContext(this.#context, { timeout: timeoutMs });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false;
      throw error;
    }
  }
}
