/**
 * Browsers that have logged in: a random number in a cookie for each, and here, under its hash, whose token it was. Nothing of
 * the token itself is kept, neither here nor in the browser.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Identity } from './identity.ts';

/** How long a login holds at most; a token that is over before ends it before. */
export const sessionMaxMs = 12 * 3_600_000;

/** Browsers at a time; beyond it the one that logged in first is forgotten, and has to do so again. */
export const sessionsMax = 1024;

export type Bearer = Extract<Identity, { kind: 'bearer' }>;

export interface PageSession {
  readonly identity: Bearer;
  /** Of the monotonic clock. */
  readonly endsMs: number;
}

export class PageSessions {
  /** By the hash of the number in the cookie; who logged in first stands first. */
  readonly #sessions = new Map<string, PageSession>();
  /** Browsers forgotten before their time. */
  forgotten = 0;

  get open(): number {
    return this.#sessions.size;
  }

  /** @returns what the cookie is to hold */
  begin(identity: Bearer, nowMs: number): string {
    this.#expire(nowMs);
    if (this.#sessions.size >= sessionsMax) {
      this.#sessions.delete(this.#sessions.keys().next().value!);
      this.forgotten += 1;
    }
    const secret = randomBytes(32).toString('base64url');
    this.#sessions.set(hashOf(secret), { identity, endsMs: nowMs + sessionMaxMs });
    return secret;
  }

  /** Whose it was; whether the token is good still is for others to say. Null = nobody's, or too long ago. */
  find(secret: string, nowMs: number): PageSession | null {
    const session = this.#sessions.get(hashOf(secret));
    return session === undefined || nowMs >= session.endsMs ? null : session;
  }

  end(secret: string): void {
    this.#sessions.delete(hashOf(secret));
  }

  #expire(nowMs: number): void {
    for (const [hash, { endsMs }] of this.#sessions) {
      if (nowMs < endsMs) return;
      this.#sessions.delete(hash);
    }
  }
}

/** To look up a hash tells by its time nothing of the number that it is of. */
function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}
