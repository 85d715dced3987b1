/**
 * What became of a socket since it was told: whatever is looked up by a four-tuple is that of whoever has the tuple when it
 * is looked up, which may be the next connection already.
 */
import type { OwnedSocket } from '../model/socket.ts';

/**
 * `open`: nothing else was heard. `over`: it has ended. `followed`: and another connection with the tuple began, or may have
 * begun, since.
 */
export type Fate = 'open' | 'over' | 'followed';

export interface Succession {
  /** Hears all that has happened up to now. None of it is told before whoever asks has made use of it. Never rejects. */
  hear(): Promise<void>;
  /** As far as was heard. @param id of SocketEvent */
  fateOf(id: number, socket: OwnedSocket): Fate;
}

/** Where no events tell: connections that follow each other between two scans are taken for one. */
export const unheard: Succession = { hear: async () => {}, fateOf: () => 'open' };
