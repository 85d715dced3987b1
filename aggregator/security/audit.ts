/** What of security is written down for later: the events, and who takes them. */

import type { RefusalReason } from './refusal.ts';

/** One fact for the audit log. Every text in it may come from a stranger. */
export interface AuditEvent {
  readonly kind:
    | 'enrolled'
    | 'renewed'
    /** The file itself: its end was torn, or some of it could not be written. */
    | 'audit-gap'
    | 'refused'
    | 'logged-in'
    | 'logged-out'
    | 'cmdlines-read'
    | 'banned'
    | 'unbanned'
    | 'token-created'
    | 'token-revoked'
    | 'token-expired'
    | 'token-first-used'
    | 'address-disputed'
    | 'quota-exceeded';
  /** Of a refusal, what kind it is. */
  readonly reason?: RefusalReason;
  /** Whom it is about or who did it, such as `host web-7`, `token 3fa9c1`; null = nobody is known. */
  readonly subject: string | null;
  /** IP and port of the other end; null where there is none. */
  readonly peer: string | null;
  /** One sentence. */
  readonly detail: string;
}

/** Takes an event; never throws, never waits. */
export type Audit = (event: AuditEvent) => void;
