/** Tells the audit log of disputed addresses: each once, when it has been so for longer than an address takes to move. */

import { disputeDetail } from '../correlate/dispute-words.ts';
import type { Dispute, Disputes } from '../correlate/disputes.ts';
import type { Audit } from './audit.ts';

/** An address that moves, as those of keepalived do, is claimed by both hosts until the old one's agent has looked. */
export const disputeGraceMs = 10_000;

interface Watched {
  readonly sinceMs: number;
  isTold: boolean;
}

export class DisputeWatch {
  readonly #disputes: Pick<Disputes, 'entries'>;
  readonly #audit: Audit;
  /** By key of the dispute. */
  #watched = new Map<string, Watched>();

  constructor(disputes: Pick<Disputes, 'entries'>, audit: Audit) {
    this.#disputes = disputes;
    this.#audit = audit;
  }

  /** Call it about once a second. @param nowMs of a clock that never steps */
  sweep(nowMs: number): void {
    const watched = new Map<string, Watched>();
    for (const [key, dispute] of this.#disputes.entries()) {
      const one = this.#watched.get(key) ?? { sinceMs: nowMs, isTold: false };
      watched.set(key, one);
      if (one.isTold || nowMs - one.sinceMs < disputeGraceMs) continue;
      one.isTold = true;
      this.#tell(dispute);
    }
    this.#watched = watched;
  }

  #tell(dispute: Dispute): void {
    const subject = `address ${dispute.ip}`;
    this.#audit({ kind: 'address-disputed', subject, peer: null, detail: disputeDetail(dispute) });
  }
}
