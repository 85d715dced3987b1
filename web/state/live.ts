/** Keeps the answer current: the event stream says when to ask again, a slow beat covers what it cannot tell. */
import { computed, effect } from '@preact/signals';
import { openWatch } from '../api/watch.ts';
import { createPacer } from './pacer.ts';
import type { Session } from './session.ts';

/** A busy fleet changes thousands of times a second; a person reads once. */
export const refreshGapMs = 1000;
/** How often an aggregator that is away is asked whether it is back. */
export const retryMs = 2000;
/** Without any event, how old the page may become: host states and "last seen" change silently. */
export const quietRefreshMs = 10_000;

/** Runs for the life of the page. Returns the function that ends it. */
export function followFleet(session: Session, base: string): () => void {
  const pacer = createPacer(() => session.refresh(), refreshGapMs);
  let closeStream: (() => void) | null = null;
  let askedAtMs = performance.now();

  const ask = (): void => {
    askedAtMs = performance.now();
    pacer.request();
  };
  const endStream = (): void => {
    closeStream?.();
    closeStream = null;
  };
  const openStream = (query: string): void => {
    closeStream = openWatch(base, query, {
      changed: ask,
      broken: () => {
        closeStream = null;
        ask();
      },
    });
  };
  /** The query to follow: one that was answered, for one that was refused has no stream. null = follow nothing. */
  const followed = computed(() => (session.paused.value ? null : (session.answer.value?.query ?? null)));
  const stopFollowing = effect(() => {
    endStream();
    if (followed.value === null) pacer.cancel();
    else openStream(followed.value);
  });
  const beat = setInterval(() => {
    const reach = session.reach.peek().kind;
    if (session.paused.peek() || document.hidden || reach === 'locked') return;
    const away = reach === 'away';
    if (away || performance.now() - askedAtMs >= quietRefreshMs) ask();
    else if (closeStream === null && followed.peek() !== null) openStream(followed.peek()!);
  }, retryMs);

  return () => {
    clearInterval(beat);
    stopFollowing();
    endStream();
    pacer.cancel();
  };
}
