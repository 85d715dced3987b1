/** The live stream of the fleet's events (SSE). The page only needs to know that something changed. */
import { apiAddress } from './client.ts';

export interface WatchListener {
  /** Something that the query covers became different. */
  changed(): void;
  /** The stream ended; it does not come back by itself. */
  broken(): void;
}

/**
 * Opens the stream of `query`. Returns the function that closes it.
 *
 * EventSource reconnects on its own after some faults and not after others; here every fault closes it and is told, so
 * that one place decides when to try again.
 */
export function openWatch(base: string, query: string, listener: WatchListener): () => void {
  const source = new EventSource(apiAddress(base, 'watch', { q: query }));
  source.addEventListener('message', () => listener.changed());
  source.addEventListener('error', () => {
    source.close();
    listener.broken();
  });
  return () => source.close();
}
