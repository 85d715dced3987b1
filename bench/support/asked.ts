/** A program in a namespace that answers line by line. */
import { createInterface } from 'node:readline';
import type { Namespace } from '../../test/support/fleet/namespace.ts';

export class Asked {
  readonly #program: ReturnType<Namespace['spawn']>;
  readonly #lines: AsyncIterator<string>;

  /** @param argv arguments of node */
  constructor(inside: Namespace, argv: readonly string[], program: string = process.execPath) {
    this.#program = inside.spawn([program, ...argv]);
    this.#program.stderr!.pipe(process.stderr);
    this.#lines = createInterface({ input: this.#program.stdout! })[Symbol.asyncIterator]();
  }

  /** The same of another program than node. */
  static run(inside: Namespace, [program, ...argv]: readonly string[]): Asked {
    return new Asked(inside, argv, program!);
  }

  /** Its next line. Throws when it ended instead. */
  async line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error('a program of the bench ended without an answer');
    return next.value;
  }

  async ask(question: string): Promise<string> {
    this.#program.stdin!.write(`${question}\n`);
    return this.line();
  }

  end(): void {
    this.#program.stdin!.end();
  }
}
