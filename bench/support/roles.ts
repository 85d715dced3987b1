/** Peers that run once, each in a process of its own: a role of the bench's program that prints its result as JSON. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** The same program in one file, as the product is: see vite.bench.config.ts. */
const bundled = join(import.meta.dirname, '../../bench-program/engine.js');

/** Runs `role`, and waits for its result. */
export function inProcess<Result>(role: string, ...args: readonly string[]): Result {
  const node = ['--expose-gc', '--max-old-space-size=10240'];
  const text = execFileSync(process.execPath, [...node, bundled, role, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(text) as Result;
}
