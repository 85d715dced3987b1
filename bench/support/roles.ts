/** Peers that run once, each in a process of its own: a role of the bench's program that prints its result as JSON. */
import { execFileSync } from 'node:child_process';

/** Runs `role` of the program that runs now, and waits for its result. */
export function inProcess<Result>(role: string, ...args: readonly string[]): Result {
  const node = ['--expose-gc', '--max-old-space-size=10240'];
  const text = execFileSync(process.execPath, [...node, process.argv[1]!, role, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(text) as Result;
}
