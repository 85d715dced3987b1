/**
 * How this agent proves which host it speaks for: its certificate, where it comes from, and its renewal while the stream goes on.
 *
 * Enrolment is a part of dialing: who has no certificate gets one for its join token first. A certificate is replaced at about half
 * of its life; the stream that runs keeps the one that it began with, and the next one shows the new one.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import type { Cancel, Clock, Timers } from '../../model/timers.ts';
import type { CertificateFields } from '../../wire/enrol-messages.ts';
import { type ClientChannel, type ClientTls, tlsChannel } from '../../wire/tls-client.ts';
import { tlsWanted } from '../../wire/tls-wanted.ts';
import { encodeRequest } from '../../wire/x509/certificate-request.ts';
import { type KeyPair, makeKeyPair } from '../../wire/x509/signing.ts';
import type { AgentTls } from '../config.ts';
import { errorLine } from '../error-line.ts';
import { type Connect, connectPlaintext, connectThrough } from '../export/connection.ts';
import { folderOfHost } from '../spool/agent-folder.ts';
import { callEnrol } from './enrol-call.ts';
import { IdentityError } from './identity-error.ts';
import {
  type KeptIdentity,
  parseIdentity,
  readIdentity,
  readJoiningKey,
  writeIdentity,
  writeJoiningKey,
} from './identity-file.ts';
import { isOverdue, type Lease, leaseOf, renewalMs, retryAfterMs } from './lease.ts';
import { preparedConnect } from './prepared-connect.ts';
import { fetchPinnedCa, readCaFile } from './trusted-ca.ts';

const timerMsMax = 24 * 3_600_000;

export interface AgentIdentityOptions {
  readonly tls: AgentTls;
  /** HOST:PORT of the aggregator that enrols and renews. */
  readonly server: string;
  readonly clock: Clock;
  readonly timers: Timers;
  /** 0 <= random() < 1. */
  readonly random: () => number;
  readonly log: Logger;
}

/** An identity that is in use. */
interface Held {
  readonly identity: KeptIdentity;
  readonly lease: Lease;
}

export class AgentIdentity {
  readonly #options: AgentIdentityOptions;
  #ca: string | null = null;
  #held: Held | null = null;
  /** The aggregator would not have the certificate that is held. */
  #isRefused = false;
  /** SHA-256 of the join token that was shown last: the same one is not shown again for a host that has a certificate. */
  #tokenShown = '';
  #joining: Promise<Held> | null = null;
  #cancelRenewal: Cancel = () => undefined;
  /** Why the last renewal failed; null = it did not. */
  #failure: string | null = null;
  #isClosed = false;
  #isWanted: boolean;

  constructor(options: AgentIdentityOptions) {
    this.#options = options;
    this.#isWanted = !options.tls.isOnlyIfWanted;
  }

  /** Dials as the agent of `hostId`, enrolled first where it is not yet. */
  connectAs(hostId: string): Connect {
    const prepare = async (endpoint: string): Promise<Connect> =>
      this.#isWanted ? connectThrough(await this.#channelTo(endpoint, hostId)) : connectPlaintext;
    return preparedConnect(prepare, (code, details) => this.#judge(code, details));
  }

  /** @returns why the next try will be another one; null where it will not */
  #judge(code: status, details: string): string | null {
    if (code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED) this.#isRefused = true;
    if (this.#isWanted || !details.startsWith(tlsWanted)) return null;
    this.#isWanted = true;
    return `${this.#options.server} speaks TLS: enrolling this host with the CA of this machine`;
  }

  /** What this host will not be able to do before long. */
  get cannotSee(): readonly string[] {
    const { clock } = this.#options;
    if (this.#failure === null || this.#held === null || !isOverdue(this.#held.lease, clock.monotonicMs()))
      return [];
    const until = new Date(this.#held.identity.untilMs).toISOString();
    return [
      `anything from ${until} on, when its certificate expires: it cannot be renewed, since ${this.#failure}`,
    ];
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRenewal();
  }

  /** Rejects with IdentityError. */
  async #channelTo(endpoint: string, hostId: string): Promise<ClientChannel> {
    const { own } = this.#options.tls;
    const ca = await this.#trustedCa(endpoint);
    if (own === null) return channelTo(endpoint, { ca, own: (await this.#identityOf(hostId, ca)).identity });
    const [chain, key] = [readOwn('--cert', own.certFile), readOwn('--key', own.keyFile)];
    return channelTo(endpoint, { ca, own: { chain, key } });
  }

  async #trustedCa(endpoint: string): Promise<string | null> {
    const { ca } = this.#options.tls;
    if (ca.kind === 'file') return readCaFile(ca.path);
    if (ca.kind === 'fingerprint') this.#ca ??= await fetchPinnedCa(endpoint, ca.sha256);
    return this.#ca;
  }

  async #identityOf(hostId: string, ca: string | null): Promise<Held> {
    this.#held ??= this.#readKept(hostId);
    const isGood = this.#held !== null && !this.#isRefused && !this.#isExpired(this.#held);
    const token = isGood ? null : this.#readToken(hostId);
    if (this.#held !== null && (token === null || hashOf(token) === this.#tokenShown)) return this.#held;
    if (token === null) {
      throw new IdentityError(
        `this host (${hostId}) has no certificate yet: pass --token-file FILE with a join token, which ` +
          '"whotalks token create --join" makes where the aggregator runs',
        true,
      );
    }
    this.#joining ??= this.#join(hostId, token, ca).finally(() => {
      this.#joining = null;
    });
    return this.#joining;
  }

  #readKept(hostId: string): Held | null {
    const { clock } = this.#options;
    const kept = readIdentity(this.#folderOf(hostId));
    if (kept === null || kept.hostId !== hostId) return null;
    const lease = leaseOf(kept, { unixMs: clock.nowMs(), monotonicMs: clock.monotonicMs() });
    return this.#hold({ identity: kept, lease });
  }

  #isExpired({ lease }: Held): boolean {
    return this.#options.clock.monotonicMs() >= lease.untilMs;
  }

  /** null where there is none to show. Throws IdentityError when the file that was named cannot be read, and nothing else is there. */
  #readToken(hostId: string): string | null {
    const { token } = this.#options.tls;
    if (token === null) return null;
    const place = token.kind === 'file' ? `--token-file ${token.path}` : 'a join token of this machine';
    try {
      return token.kind === 'file' ? readFileSync(token.path, 'utf8').trim() : token.make(hostId);
    } catch (error) {
      if (this.#held !== null) return null;
      const why = (error as NodeJS.ErrnoException).code ?? errorLine(error);
      throw new IdentityError(`${place}: ${why}, and this host has no certificate yet`, true);
    }
  }

  async #join(hostId: string, token: string, ca: string | null): Promise<Held> {
    const { server, log } = this.#options;
    const keys = readJoiningKey(this.#folderOf(hostId)) ?? (await makeKeyPair());
    this.#tryToKeep(() => writeJoiningKey(this.#folderOf(hostId), keys));
    const request = encodeRequest(keys, hostId);
    this.#tokenShown = hashOf(token);
    const answer = await callEnrol(server, channelTo(server, { ca, own: null }), {
      method: 'Join',
      fields: { token, hostId, request },
    });
    const held = this.#take(keys, answer);
    log.info({ server, hostId, until: new Date(held.identity.untilMs).toISOString() }, 'enrolled');
    return held;
  }

  async #renew(held: Held): Promise<void> {
    const { server, log } = this.#options;
    try {
      const keys = await makeKeyPair();
      const ca = await this.#trustedCa(server);
      const request = encodeRequest(keys, held.identity.hostId);
      const answer = await callEnrol(server, channelTo(server, { ca, own: held.identity }), {
        method: 'Renew',
        fields: { request },
      });
      if (this.#isClosed) return;
      const { identity } = this.#take(keys, answer);
      log.debug({ until: new Date(identity.untilMs).toISOString() }, 'certificate renewed');
    } catch (error) {
      this.#onRenewalFailed(held, errorLine(error));
    }
  }

  #onRenewalFailed(held: Held, why: string): void {
    if (this.#isClosed) return;
    const { random, log } = this.#options;
    if (why !== this.#failure) {
      const until = new Date(held.identity.untilMs).toISOString();
      log.warn(`the certificate of this host cannot be renewed: ${why}; it is good until ${until}`);
    }
    this.#failure = why;
    this.#renewIn(held, retryAfterMs(held.lease, random()));
  }

  /** From now on this is the certificate of this host. It also is where it cannot be written to disk. */
  #take(keys: KeyPair, { chain, lifeMs }: CertificateFields): Held {
    const { clock } = this.#options;
    const identity = parseIdentity(keys, chain);
    if (identity === null)
      throw new IdentityError('the aggregator answered with a certificate that is not of this key', false);
    this.#tryToKeep(() => writeIdentity(this.#folderOf(identity.hostId), keys, chain));
    this.#isRefused = false;
    this.#failure = null;
    const fromMs = clock.monotonicMs();
    return this.#hold({ identity, lease: { fromMs, untilMs: fromMs + lifeMs } });
  }

  #hold(held: Held): Held {
    const { clock, random } = this.#options;
    this.#held = held;
    this.#renewIn(held, renewalMs(held.lease, random()) - clock.monotonicMs());
    return held;
  }

  /** In steps, since a timer of the system counts no more than 24 days. */
  #renewIn(held: Held, delayMs: number): void {
    this.#cancelRenewal();
    if (this.#isClosed) return;
    const stepMs = Math.min(timerMsMax, Math.max(0, delayMs));
    this.#cancelRenewal = this.#options.timers.after(stepMs, () => {
      if (stepMs < delayMs) this.#renewIn(held, delayMs - stepMs);
      else void this.#renew(held);
    });
  }

  #folderOf(hostId: string): string {
    return folderOfHost(this.#options.tls.folder, hostId);
  }

  #tryToKeep(write: () => void): void {
    const { tls, log } = this.#options;
    try {
      write();
    } catch (error) {
      log.warn(
        `${tls.folder}: ${errorLine(error)}: the certificate of this host cannot be kept, and is gone with a restart`,
      );
    }
  }
}

/** Throws IdentityError. */
function channelTo(endpoint: string, tls: ClientTls): ClientChannel {
  try {
    return tlsChannel(endpoint, tls);
  } catch (error) {
    throw new IdentityError(`a certificate or key of this host cannot be used: ${errorLine(error)}`, true);
  }
}

function readOwn(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new IdentityError(
      `${flag} ${path}: ${(error as NodeJS.ErrnoException).code ?? errorLine(error)}`,
      true,
    );
  }
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
