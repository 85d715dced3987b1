/**
 * Who gets a certificate as the agent of which host, and who is sent away. One decision after the other, without waiting in between:
 * of two who come with one join token, one is first.
 */
import type { KeyObject } from 'node:crypto';
import { parseRequest, RequestError } from '../../wire/x509/certificate-request.ts';
import { publicKeyDer } from '../../wire/x509/signing.ts';
import type { Audit } from './audit.ts';
import type { Authority } from './authority.ts';
import type { Token } from './grants.ts';
import type { GrantsFile } from './grants-file.ts';
import type { Identity } from './identity.ts';
import { findToken, hashOf, timeText } from './tokens.ts';

/** A certificate that its host may use. */
export interface Issued {
  /** DER: the agent's certificate, and that of the CA. */
  readonly chain: readonly Buffer[];
  readonly lifeMs: number;
}

/** Why there is no certificate, in one line. `malformed`: what was sent is no request; `refused`: it is, and is not granted. */
export class EnrolmentError extends Error {
  override readonly name = 'EnrolmentError';
  readonly code: 'malformed' | 'refused';

  constructor(code: 'malformed' | 'refused', message: string) {
    super(message);
    this.code = code;
  }
}

/** Letters of a host id: the operator's own, or some 36. */
const hostIdLettersMax = 256;

export interface EnrolmentOptions {
  readonly authority: Authority;
  readonly grants: GrantsFile;
  readonly audit: Audit;
  /** How long a certificate is good. */
  readonly lifeMs: number;
  /** Unix milliseconds. */
  readonly clock: () => number;
}

export interface JoinRequest {
  readonly token: string;
  readonly hostId: string;
  /** PKCS #10, DER. */
  readonly request: Buffer;
}

export class Enrolment {
  readonly #options: EnrolmentOptions;

  constructor(options: EnrolmentOptions) {
    this.#options = options;
  }

  /** Throws EnrolmentError. @param peer IP and port of whoever asks */
  join({ token: secret, hostId, request }: JoinRequest, peer: string): Issued {
    return this.#auditing(`host ${hostId}`, peer, () => {
      if (hostId === '' || hostId.length > hostIdLettersMax) {
        throw new EnrolmentError('malformed', `a host id has 1 to ${hostIdLettersMax} letters`);
      }
      const key = requestedKey(request);
      this.#refuseBanned(hostId);
      const token = this.#usableToken(secret, hostId, key);
      const { grants, clock } = this.#options;
      if (token.used === null)
        grants.append({ do: 'use', id: token.id, by: `host ${hostId}`, key: keyHash(key), atMs: clock() });
      const issued = this.#issue(hostId, key);
      this.#options.audit({
        kind: 'enrolled',
        subject: `host ${hostId}`,
        peer,
        detail: `host ${hostId} enrolled with join token ${token.id}`,
      });
      return issued;
    });
  }

  /** Throws EnrolmentError. */
  renew(identity: Identity, request: Buffer, peer: string): Issued {
    const subject = identity.kind === 'agent' ? `host ${identity.hostId}` : null;
    return this.#auditing(subject, peer, () => {
      if (identity.kind !== 'agent') {
        const fault = identity.kind === 'anonymous' ? identity.refused : null;
        throw new EnrolmentError('refused', fault ?? 'only an agent with a certificate can renew it');
      }
      const key = requestedKey(request);
      this.#refuseBanned(identity.hostId);
      const issued = this.#issue(identity.hostId, key);
      this.#options.audit({
        kind: 'renewed',
        subject,
        peer,
        detail: `host ${identity.hostId} renewed certificate ${identity.serial}`,
      });
      return issued;
    });
  }

  #issue(hostId: string, key: KeyObject): Issued {
    const { authority, grants, lifeMs, clock } = this.#options;
    const nowMs = clock();
    const { chain, serial, untilMs } = authority.issueAgent(hostId, key, lifeMs, nowMs);
    grants.append({ do: 'certify', host: hostId, serial, key: keyHash(key), untilMs });
    grants.compact(nowMs);
    return { chain, lifeMs: untilMs - nowMs };
  }

  /** The token that `secret` is, where it is good for this host and key. An answer that got lost is asked for with the same key again. */
  #usableToken(secret: string, hostId: string, key: KeyObject): Token {
    const { grants, clock } = this.#options;
    const token = findToken(grants.current(), secret, 'join', clock());
    if (typeof token === 'string') throw new EnrolmentError('refused', token);
    if (token.used !== null && token.used.key !== keyHash(key)) {
      const { by, atMs } = token.used;
      throw new EnrolmentError(
        'refused',
        `join token ${token.id} was used by ${by} at ${timeText(atMs)}, and is good for one host`,
      );
    }
    const boundTo = token.grants.kind === 'join' ? token.grants.host : null;
    if (boundTo !== null && boundTo !== hostId) {
      throw new EnrolmentError('refused', `join token ${token.id} is for host ${boundTo}, not for ${hostId}`);
    }
    if (boundTo === null) this.#refuseTakeover(hostId, key);
    return token;
  }

  /** Whoever has a token for any host has none for a host that reports already. */
  #refuseTakeover(hostId: string, key: KeyObject): void {
    const { grants, clock } = this.#options;
    const certified = grants.current().certified.get(hostId);
    if (certified === undefined || certified.untilMs <= clock() || certified.key === keyHash(key)) return;
    throw new EnrolmentError(
      'refused',
      `host ${hostId} has a certificate until ${timeText(certified.untilMs)}: ` +
        `enrol it anew with a token of its own, "whotalks token create --join --host ${hostId}"`,
    );
  }

  #refuseBanned(hostId: string): void {
    if (this.#options.grants.current().bans.has(hostId))
      throw new EnrolmentError('refused', bannedText(hostId));
  }

  /** Each refusal stands in the audit log as the agent is told it. */
  #auditing(subject: string | null, peer: string, decide: () => Issued): Issued {
    try {
      return decide();
    } catch (error) {
      if (error instanceof RequestError)
        return this.#refuse(subject, peer, new EnrolmentError('malformed', error.message));
      if (error instanceof EnrolmentError) return this.#refuse(subject, peer, error);
      throw error;
    }
  }

  #refuse(subject: string | null, peer: string, error: EnrolmentError): never {
    this.#options.audit({ kind: 'refused', reason: 'enrolment', subject, peer, detail: error.message });
    throw error;
  }
}

export function bannedText(hostId: string): string {
  return `host ${hostId} is banned; "whotalks ca unban ${hostId}" lets it in again`;
}

function requestedKey(request: Buffer): KeyObject {
  return parseRequest(request);
}

function keyHash(key: KeyObject): string {
  return hashOf(publicKeyDer(key));
}
