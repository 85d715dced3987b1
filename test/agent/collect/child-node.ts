/** Runs small node programs with real sockets beside a test, and ends them with it. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface ChildOptions {
  /** What runs node, such as `unshare -n`; default nothing. */
  readonly prefix?: readonly string[];
  /** Fds from 3 on: numbers are inherited, `ipc` opens a channel for messages and sockets. */
  readonly extraFds?: readonly (number | 'ipc')[];
  readonly uid?: number;
}

export class ChildNode {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  /** @param script JavaScript (CommonJS) that prints lines of text and runs until it is killed */
  constructor(script: string, { prefix = [], extraFds = [], uid }: ChildOptions = {}) {
    const [command, ...args] = [...prefix, process.execPath, '-e', script];
    const stdio: StdioOptions = ['ignore', 'pipe', 'inherit', ...extraFds];
    this.#child = spawn(command!, args, { stdio, ...(uid === undefined ? {} : { uid, cwd: '/' }) });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Its next line of output. Throws when it ended instead. */
  async line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error('the child process ended without a word');
    return next.value;
  }

  send(message: string, handle: Parameters<ChildProcess['send']>[1]): void {
    this.#child.send(message, handle, { keepOpen: false });
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }
}

/** Ends everything that was started, newest first. */
export class Children {
  readonly #children: ChildNode[] = [];

  start(script: string, options: ChildOptions = {}): ChildNode {
    const child = new ChildNode(script, options);
    this.#children.push(child);
    return child;
  }

  async endAll(): Promise<void> {
    for (const child of this.#children.splice(0).toReversed()) await child.end();
  }
}
