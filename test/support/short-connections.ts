/** The two sides of programs/short-connections.mjs, each in a process of its own inside of a namespace. */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Namespace } from './fleet/namespace.ts';

const program = fileURLToPath(new URL('./programs/short-connections.mjs', import.meta.url));

export interface ShortLoad {
  readonly host: string;
  readonly port: number;
  readonly count: number;
  readonly atOnce: number;
  readonly lifetimeMs: number;
}

/** A side that runs. */
export interface LoadSide {
  /** As the /proc of its namespace shows it. */
  readonly pid: number;
  readonly port: number;
  /** Starts what it has to do, and waits until it is done. */
  run(): Promise<void>;
  /** Ends it. */
  end(): void;
}

export function serveShort(inside: Namespace, host: string): Promise<LoadSide> {
  return startSide(inside, ['serve', host, '0']);
}

export function dialShort(
  inside: Namespace,
  { host, port, count, atOnce, lifetimeMs }: ShortLoad,
): Promise<LoadSide> {
  return startSide(inside, ['dial', host, String(port), String(count), String(atOnce), String(lifetimeMs)]);
}

async function startSide(inside: Namespace, args: readonly string[]): Promise<LoadSide> {
  const child: ChildProcess = inside.spawn([process.execPath, program, ...args]);
  let errors = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const next = await lines.next();
    if (next.done === true) throw new Error(`${args.join(' ')} ended: ${errors.trim()}`);
    return next.value;
  };
  const numbers = (await line()).split(' ').slice(1).map(Number);
  return {
    pid: numbers.at(-1)!,
    port: numbers[0]!,
    run: async () => {
      child.stdin!.write('go\n');
      await line();
    },
    end: () => void child.kill('SIGKILL'),
  };
}
