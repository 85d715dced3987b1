/** The bus of an aggregator that stands alone: listeners in the same process, called in order, nothing queued. */
import type { Bus, BusEvent, BusState } from './bus.ts';

export interface InProcessBus extends Bus {
  /** Returns the function that ends the subscription. */
  subscribe(listener: (event: BusEvent) => void): () => void;
}

/** @param now unix ms */
export function createInProcessBus(now: () => number = Date.now): InProcessBus {
  const since = now();
  const listeners = new Set<(event: BusEvent) => void>();
  let published = 0;
  return {
    name: 'in-process',
    publish(event) {
      published++;
      for (const listener of listeners) listener(event);
    },
    hasTakers: () => listeners.size > 0,
    subscribe(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    state: (): BusState => ({
      state: 'connected',
      since,
      error: null,
      published,
      lost: 0,
      queued: 0,
      repeated: 0,
    }),
    close: async () => listeners.clear(),
  };
}
