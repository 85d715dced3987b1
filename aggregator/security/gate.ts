/**
 * The one place that every call and request comes through: who is it, may it do this, and what may it see. What is refused is
 * counted and told to the audit log; what goes on for long is looked at again, so that a token that is over ends its streams.
 */
import type { Audit } from './audit.ts';
import { actionName, authorise, looksItself, needs, showsCmdlines } from './authorise.ts';
import { CmdlineReads } from './cmdline-reads.ts';
import { FailedProofs } from './failed-proofs.ts';
import type { Identity } from './identity.ts';
import type { Refusal } from './refusal.ts';
import type { Sight } from './sight.ts';

/** Streams that one token may have open at a time. */
export const streamsPerTokenMax = 64;

/** Somebody who wants something. */
export interface Approach {
  /** As in the table of authorise.ts. */
  readonly action: string;
  /** IP and port of the other end, and the IP alone. */
  readonly peer: string;
  readonly address: string;
  /** Looks at what is shown, as it is by then: it is asked again while something goes on. */
  readonly identify: () => Identity;
}

export interface Admitted {
  readonly kind: 'admitted';
  readonly identity: Identity;
  readonly sight: Sight;
}

export type Admission = Admitted | { readonly kind: 'refused'; readonly refusal: Refusal };

export type Hold =
  /** To be released when the stream ended by itself. Idempotent. */
  | { readonly kind: 'held'; readonly release: () => void }
  /** The token has as many streams as it may. */
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export interface GateOptions {
  readonly audit: Audit;
  /** Milliseconds that never step. */
  readonly monotonicClock?: () => number;
}

/** A stream that is looked at again. */
interface Held {
  readonly approach: Approach;
  readonly identity: Extract<Identity, { kind: 'bearer' }>;
  readonly end: (refusal: Refusal) => void;
}

export class Gate {
  readonly #audit: Audit;
  readonly #now: () => number;
  readonly #failed = new FailedProofs();
  readonly #reads: CmdlineReads;
  readonly #held = new Set<Held>();

  constructor({ audit, monotonicClock }: GateOptions) {
    this.#audit = audit;
    this.#now = monotonicClock ?? (() => performance.now());
    this.#reads = new CmdlineReads(audit);
  }

  /** Streams that are looked at again. */
  get held(): number {
    return this.#held.size;
  }

  /** Addresses whose failures were forgotten, since too many have some. */
  get forgottenTotal(): number {
    return this.#failed.forgotten;
  }

  admit(approach: Approach): Admission {
    const { action, address } = approach;
    // Who may come as nobody is not asked who it is, and so not held up either.
    const blockedMs = takesToken(action) ? this.#failed.blockedMs(address, this.#now()) : 0;
    if (blockedMs > 0) return this.#refuse(approach, tooManyFailures(address, blockedMs), nobody);
    if (needs.get(action) === 'nothing') return this.#decide(approach, nobody);
    const shown = identityOf(approach);
    if ('reason' in shown) return this.#refuse(approach, shown, nobody);
    return this.#decide(approach, shown);
  }

  /**
   * Ends a stream of a token once the token is over or taken back.
   * @param end called once then, and never after release
   */
  hold(approach: Approach, { identity }: Admitted, end: (refusal: Refusal) => void): Hold {
    if (identity.kind !== 'bearer') return { kind: 'held', release: () => undefined };
    const { tokenId } = identity;
    const open = [...this.#held].filter((held) => held.identity.tokenId === tokenId).length;
    if (open >= streamsPerTokenMax) {
      const refusal = tooManyStreams();
      this.tell(approach, refusal, identity);
      return { kind: 'refused', refusal };
    }
    const held: Held = { approach, identity, end };
    this.#held.add(held);
    return { kind: 'held', release: () => void this.#held.delete(held) };
  }

  /** Looks again at what was shown for all that is held; call it about once a second. */
  sweep(): void {
    for (const held of this.#held) {
      const { identity, approach } = held;
      const shown = identityOf(approach);
      // What was known goes on.
      if ('reason' in shown) continue;
      const verdict = authorise(shown, approach.action);
      if (verdict.kind === 'allowed') continue;
      this.#held.delete(held);
      this.tell(approach, verdict.refusal, identity);
      held.end(verdict.refusal);
    }
  }

  /** A token was shown that is not good; for what looks at tokens itself, where it finds that out. */
  countFailure({ action, address }: Pick<Approach, 'action' | 'address'>): void {
    if (takesToken(action)) this.#failed.count(address, this.#now());
  }

  /** Writes down that somebody was refused, for whatever reason. */
  tell({ action, peer }: Pick<Approach, 'action' | 'peer'>, refusal: Refusal, identity: Identity): void {
    const { reason, message } = refusal;
    this.#audit({
      kind: 'refused',
      reason,
      subject: subjectOf(identity),
      peer,
      detail: `${actionName(action)}: ${message}`,
    });
  }

  #decide(approach: Approach, identity: Identity): Admission {
    const { action, peer } = approach;
    const verdict = authorise(identity, action);
    if (verdict.kind === 'refused') {
      if (verdict.refusal.reason === 'bad-credentials') this.countFailure(approach);
      return this.#refuse(approach, verdict.refusal, identity);
    }
    const { sight } = verdict;
    if (identity.kind === 'bearer' && sight.cmdlines && showsCmdlines(action)) {
      this.#reads.count(identity.tokenId, subjectOf(identity)!, peer, action, this.#now());
    }
    return { kind: 'admitted', identity, sight };
  }

  #refuse(approach: Approach, refusal: Refusal, identity: Identity): Admission {
    this.tell(approach, refusal, identity);
    return { kind: 'refused', refusal };
  }
}

/** Nobody guesses a certificate: agents of a site with one that is over are not kept out with it. */
function takesToken(action: string): boolean {
  const need = needs.get(action);
  return need === 'nothing' ? looksItself.has(action) : need !== 'certificate';
}

/** Who comes; or why that cannot be told, where the file system fails. */
function identityOf({ identify }: Approach): Identity | Refusal {
  try {
    return identify();
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? String(error);
    return { reason: 'unreadable', message: `what is granted here cannot be read: ${why}` };
  }
}

const nobody: Identity = { kind: 'anonymous', refused: null };

/** Whom the audit log names; null = nobody is known. */
export function subjectOf(identity: Identity): string | null {
  if (identity.kind === 'bearer') return `token ${identity.tokenId} (${identity.name})`;
  return identity.kind === 'agent' ? `host ${identity.hostId}` : null;
}

function tooManyFailures(address: string, forMs: number): Refusal {
  const message = `too many tokens that are not good came from ${address}: try again in ${Math.ceil(forMs / 1000)} s`;
  return { reason: 'too-many-failures', message };
}

function tooManyStreams(): Refusal {
  return {
    reason: 'too-many',
    message: `this token has ${streamsPerTokenMax} streams open already: end one of them`,
  };
}
