/**
 * Asks an HTTP server again and again from inside of a namespace, over one connection.
 *
 *   http-asker.mjs BASE_URL     in: a path per line; out: `STATUS BODY`, the body as one line of JSON or quoted text
 *
 * Status 0 = no answer; the body says why. It ends with its stdin.
 */
import { createInterface } from 'node:readline';

const [base] = process.argv.slice(2);

/** From a question to its answer: a daemon may be stopped meanwhile. */
const timeoutMs = 10_000;

async function ask(path) {
  try {
    const answer = await fetch(`${base}${path}`, { signal: AbortSignal.timeout(timeoutMs) });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.startsWith('application/json');
    return `${answer.status} ${isJson ? text : JSON.stringify(text)}`;
  } catch (error) {
    return `0 ${JSON.stringify(String(error.cause ?? error))}`;
  }
}

for await (const path of createInterface({ input: process.stdin }))
  process.stdout.write(`${await ask(path)}\n`);
