/** Waiting in tests: for a condition, never for a time. */
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a condition may take: generous, since only a failing test waits for it. */
export const patienceMs = 40_000;

/** Between two looks. */
const lookEveryMs = 20;

/**
 * Waits until `holds` does. Throws with `what` (and what the last look said) when it takes longer than `withinMs`.
 * @param what a statement such as `agent h1 is live`
 * @param holds true when it holds; false or a text that tells what is still missing when it does not
 */
export async function until(
  what: string,
  holds: () => boolean | string | Promise<boolean | string>,
  withinMs = patienceMs,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const verdict = await holds();
    if (verdict === true) return;
    if (performance.now() > deadline) {
      throw new Error(
        `waited ${withinMs / 1000} s in vain: ${what}${verdict === false ? '' : `\n${verdict}`}`,
      );
    }
    await sleep(lookEveryMs);
  }
}
