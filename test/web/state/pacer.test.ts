/** Refreshes never overlap and are at least a gap apart, however many are asked for. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPacer } from '../../../web/state/pacer.ts';

describe('createPacer', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('runs at once, and a thousand requests later once more after the gap', async () => {
    const run = vi.fn(async () => undefined);
    const pacer = createPacer(run, 1000);
    pacer.request();
    await vi.advanceTimersByTimeAsync(0);
    expect(run).toHaveBeenCalledTimes(1);
    for (let i = 0; i < 1000; i++) pacer.request();
    await vi.advanceTimersByTimeAsync(999);
    expect(run).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(run).toHaveBeenCalledTimes(2);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(run).toHaveBeenCalledTimes(2);
  });

  it('waits for a slow run, then does what was asked meanwhile', async () => {
    let finish = (): void => undefined;
    const run = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)));
    const pacer = createPacer(run, 1000);
    pacer.request();
    await vi.advanceTimersByTimeAsync(5000);
    pacer.request();
    await vi.advanceTimersByTimeAsync(5000);
    expect(run).toHaveBeenCalledTimes(1);
    finish();
    await vi.advanceTimersByTimeAsync(0);
    expect(run).toHaveBeenCalledTimes(2);
  });

  it('forgets what is cancelled', async () => {
    const run = vi.fn(async () => undefined);
    const pacer = createPacer(run, 1000);
    pacer.request();
    pacer.cancel();
    await vi.advanceTimersByTimeAsync(5000);
    expect(run).not.toHaveBeenCalled();
  });
});
