/** Who shows which token or certificate, as the grants of this data folder say now. */
import type { PeerCertificate } from 'node:tls';
import { hostIdOfAltNames } from '../../wire/agent-uri.ts';
import type { Audit } from './audit.ts';
import { bannedText } from './enrolment.ts';
import type { GrantsFile } from './grants-file.ts';
import type { Identity, Proofs } from './identity.ts';
import { bearerOf, refusedToken, timeText } from './tokens.ts';

export interface GrantProofsOptions {
  readonly grants: GrantsFile;
  readonly audit: Audit;
  /** Unix milliseconds. */
  readonly clock: () => number;
}

export class GrantProofs implements Proofs {
  readonly #options: GrantProofsOptions;

  constructor(options: GrantProofsOptions) {
    this.#options = options;
  }

  ofToken(secret: string): Identity {
    const { grants, clock } = this.#options;
    const identity = bearerOf(grants.current(), secret, clock());
    if (identity.kind === 'bearer') this.#noteFirstUse(identity.tokenId, identity.name);
    return identity;
  }

  /** A session of TLS that is taken up again may outlive the certificate that it began with. */
  ofCertificate(certificate: PeerCertificate): Identity {
    const untilMs = Date.parse(certificate.valid_to);
    if (!(untilMs > this.#options.clock())) return refused(expiredText(untilMs));
    const hostId = hostIdOfAltNames(certificate.subjectaltname);
    if (hostId === null)
      return refused('this certificate is no agent\'s: it has no URI "whotalks://agent/HOST_ID"');
    return this.#agent(hostId, certificate.serialNumber.toLowerCase());
  }

  again(identity: Identity): Identity {
    if (identity.kind === 'agent') return this.#agent(identity.hostId, identity.serial);
    if (identity.kind !== 'bearer') return identity;
    const { grants, clock } = this.#options;
    const token = grants.current().tokens.get(identity.tokenId);
    const why = token === undefined ? 'this token is not known here any more' : refusedToken(token, clock());
    return why === null ? identity : refused(why);
  }

  /**
   * Why the agent of a host may not go on: it is banned, or its certificates are over. null where it may. Of a host that has
   * certificates from elsewhere, only the ban is known. Does not ask the file system.
   */
  faultOfAgent(hostId: string): string | null {
    const { bans, certified } = this.#options.grants.known;
    if (bans.has(hostId)) return bannedText(hostId);
    const untilMs = certified.get(hostId)?.untilMs ?? Number.POSITIVE_INFINITY;
    return untilMs > this.#options.clock() ? null : `its ${expiredText(untilMs).replace(/^this /, '')}`;
  }

  #agent(hostId: string, serial: string): Identity {
    const isBanned = this.#options.grants.current().bans.has(hostId);
    return isBanned ? refused(bannedText(hostId)) : { kind: 'agent', hostId, serial };
  }

  #noteFirstUse(id: string, name: string): void {
    const { grants, audit, clock } = this.#options;
    if (grants.current().tokens.get(id)?.used !== null) return;
    try {
      grants.append({ do: 'use', id, by: name, key: null, atMs: clock() });
    } catch {
      // A disk that is full keeps nobody from asking: it is noted when there is room.
      return;
    }
    const subject = `token ${id} (${name})`;
    audit({
      kind: 'token-first-used',
      subject,
      peer: null,
      detail: `${subject} was shown for the first time`,
    });
  }
}

function refused(reason: string): Identity {
  return { kind: 'anonymous', refused: reason };
}

export function expiredText(untilMs: number): string {
  return `this certificate expired at ${timeText(untilMs)}: enrol the host anew with a join token`;
}
