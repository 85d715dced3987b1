/** Steps of the set-up: commands that run quietly, one line each with the seconds they took, their output only on failure. */
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Top of the checkout. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A failure that is already said in plain words; whoever catches it prints the message and no stack. */
export class StepError extends Error {}

/**
 * Runs a command with the checkout as its folder and keeps its output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} [env] added to the environment
 * @returns {Promise<{ code: number, output: string }>} exit code (127 = could not start) and stdout and stderr as they came
 */
export function runQuietly(command, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk) => {
      output += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.on('error', (error) => resolve({ code: 127, output: `${output}${error.message}\n` }));
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/**
 * Runs a command in the foreground: its output is the user's.
 * @returns {Promise<number>} exit code; 128 + n after signal n is not told apart from 1
 */
export function runOpenly(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
    child.on('error', () => resolve(127));
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/**
 * Does `work` and says on stderr what was done and how long it took. stdout stays free for the command that follows.
 * @template T
 * @param {string} name what is done, such as `build`
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(name, work) {
  const begun = performance.now();
  const seconds = () => `${((performance.now() - begun) / 1000).toFixed(1)} s`;
  try {
    const result = await work();
    console.error(`${name}: done in ${seconds()}`);
    return result;
  } catch (error) {
    console.error(`${name}: failed after ${seconds()}`);
    throw error;
  }
}

/** Runs the main function of a script: a StepError becomes its message and exit code 1. */
export async function main(work) {
  try {
    process.exitCode = (await work()) ?? 0;
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
