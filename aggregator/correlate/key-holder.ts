/** Keeps keys for what is made of objects: what the core has under such a key leaves it, and nobody new comes there. */
import type { Meeting } from './meetings.ts';

export interface KeyHolder {
  /** One more use of a key. @returns what to release */
  retain(meeting: Meeting): number;
  release(stub: number): void;
}
