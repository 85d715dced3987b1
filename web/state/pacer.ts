/** Turns any number of requests into runs that never overlap and start at least `gapMs` apart. */

export interface Pacer {
  /** Asks for a run: now if the last one is long enough ago, else as soon as it is. Requests in between are one. */
  request(): void;
  /** Forgets a run that is asked for; one under way ends by itself. */
  cancel(): void;
}

type PacerState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'waiting'; readonly timer: ReturnType<typeof setTimeout> }
  | { readonly kind: 'running'; readonly again: boolean };

/** @param run must not reject. */
export function createPacer(run: () => Promise<void>, gapMs: number): Pacer {
  let state: PacerState = { kind: 'idle' };
  let startedAtMs = Number.NEGATIVE_INFINITY;

  const start = async (): Promise<void> => {
    startedAtMs = performance.now();
    state = { kind: 'running', again: false };
    await run();
    const again = state.kind === 'running' && state.again;
    state = { kind: 'idle' };
    if (again) request();
  };
  const request = (): void => {
    if (state.kind === 'waiting') return;
    if (state.kind === 'running') {
      state = { kind: 'running', again: true };
      return;
    }
    const waitMs = Math.max(0, startedAtMs + gapMs - performance.now());
    state = { kind: 'waiting', timer: setTimeout(() => void start(), waitMs) };
  };
  const cancel = (): void => {
    if (state.kind === 'waiting') {
      clearTimeout(state.timer);
      state = { kind: 'idle' };
    } else if (state.kind === 'running') {
      state = { kind: 'running', again: false };
    }
  };
  return { request, cancel };
}
