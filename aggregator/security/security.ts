/**
 * Everything that an aggregator with TLS needs, opened together: the CA, what is granted, and the certificate of the server, which
 * is replaced before it is over, or when the operator put another one in its place.
 */
import { readFileSync, statSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Logger } from 'pino';
import type { SecurityConfig } from '../config.ts';
import type { Audit } from './audit.ts';
import { type Authority, AuthorityError, grantsPath, readAuthority } from './authority.ts';
import { Enrolment } from './enrolment.ts';
import { endedBetween } from './grants.ts';
import { GrantsFile } from './grants-file.ts';
import { serverLifeMs } from './lives.ts';
import { GrantProofs } from './proofs.ts';
import { tlsRules } from './tls-door.ts';

export interface SecurityOptions {
  readonly log: Logger;
  readonly audit: Audit;
  /** Unix milliseconds. */
  readonly clock: () => number;
}

/** What the server shows, and until when. */
interface Shown {
  readonly context: SecureContextOptions;
  /** When it is to be replaced; of files, when they are looked at again. */
  readonly renewAtMs: number;
}

/** How often the operator's files are looked at. */
const lookAgainMs = 10_000;

/** How long after a certificate of the server could not be made it is tried again. */
const retryMs = 60_000;

export class Security {
  readonly proofs: GrantProofs;
  /** null = there is no CA that could sign. */
  readonly enrolment: Enrolment | null;
  readonly #config: SecurityConfig;
  readonly #options: SecurityOptions;
  readonly #authority: Authority | null;
  readonly #grants: GrantsFile;
  /** When it was last looked for tokens that ended. */
  #lookedMs: number;
  readonly #listeners: ((context: SecureContextOptions) => void)[] = [];
  #shown: Shown;
  #isRenewing = false;
  #filesStamp: string;

  private constructor(
    config: SecurityConfig,
    options: SecurityOptions,
    authority: Authority | null,
    shown: Shown,
  ) {
    const { audit, clock, log } = options;
    this.#config = config;
    this.#options = options;
    this.#authority = authority;
    this.#shown = shown;
    this.#filesStamp = stampOf(config);
    this.#grants = new GrantsFile(grantsPath(config.folder));
    this.proofs = new GrantProofs({ grants: this.#grants, audit, clock });
    const { agentLifeMs: lifeMs } = config;
    this.enrolment =
      authority === null ? null : new Enrolment({ authority, grants: this.#grants, audit, lifeMs, clock });
    this.#lookedMs = clock();
    this.#grants.current();
    const { malformed } = this.#grants;
    if (malformed > 0) {
      log.error(
        `${grantsPath(config.folder)}: ${malformed} lines cannot be read: what they granted or banned is not known`,
      );
    }
  }

  /** null where there is neither a CA nor a certificate. Throws AuthorityError, and what the file system throws. */
  static async open(config: SecurityConfig, options: SecurityOptions): Promise<Security | null> {
    const authority = readAuthority(config.folder);
    if (authority === null && config.certFile === null) return null;
    const shown = await shownBy(config, authority, options.clock());
    return new Security(config, options, authority, shown);
  }

  /** SHA-256 of the CA's certificate, hexadecimal; null = there is none of our own. */
  get fingerprint(): string | null {
    return this.#authority?.fingerprint ?? null;
  }

  /** Keys, certificates and rules of the server as of now. */
  get context(): SecureContextOptions {
    return this.#shown.context;
  }

  /** Told of each new context. */
  onContext(listener: (context: SecureContextOptions) => void): void {
    this.#listeners.push(listener);
  }

  /** Looks after what was granted and what is over; call it about once a second. */
  sweep(): void {
    const { audit, clock, log } = this.#options;
    const nowMs = clock();
    try {
      for (const { id, name } of endedBetween(this.#grants.current(), this.#lookedMs, nowMs)) {
        const subject = `token ${id} (${name})`;
        audit({ kind: 'token-expired', subject, peer: null, detail: `${subject} expired` });
      }
      this.#lookedMs = nowMs;
    } catch (error) {
      log.error({ err: error }, 'what is granted cannot be read; what was known goes on');
    }
    if (nowMs >= this.#shown.renewAtMs && !this.#isRenewing) void this.#renew(nowMs);
  }

  async #renew(nowMs: number): Promise<void> {
    const { log } = this.#options;
    const stamp = stampOf(this.#config);
    if (this.#config.certFile !== null && stamp === this.#filesStamp) {
      this.#shown = { ...this.#shown, renewAtMs: nowMs + lookAgainMs };
      return;
    }
    this.#isRenewing = true;
    try {
      this.#shown = await shownBy(this.#config, this.#authority, nowMs);
      this.#filesStamp = stamp;
      for (const listener of this.#listeners) listener(this.#shown.context);
      log.info('the certificate of this server is a new one');
    } catch (error) {
      this.#shown = { ...this.#shown, renewAtMs: nowMs + retryMs };
      log.error(
        `the certificate of this server cannot be replaced: ${error instanceof Error ? error.message : String(error)}`,
      );
    } finally {
      this.#isRenewing = false;
    }
  }
}

async function shownBy(config: SecurityConfig, authority: Authority | null, nowMs: number): Promise<Shown> {
  const ca = [
    ...(authority === null ? [] : [authority.pem]),
    ...(config.caFile === null ? [] : [readOwn('--ca', config.caFile)]),
  ];
  if (config.certFile !== null && config.keyFile !== null) {
    const own = { cert: readOwn('--cert', config.certFile), key: readOwn('--key', config.keyFile) };
    const context = checked({ ...tlsRules, ...own, ca }, config);
    return { context, renewAtMs: nowMs + lookAgainMs };
  }
  if (authority === null) throw new AuthorityError('there is no CA');
  const { cert, key, untilMs } = await authority.issueServer(ownNames(), nowMs);
  const renewAtMs = nowMs + Math.min(serverLifeMs, untilMs - nowMs) / 2;
  return { context: { ...tlsRules, cert, key, ca }, renewAtMs };
}

/** Names and addresses in one certificate: a machine of many containers has many. */
const ownNamesMax = 100;

/** Names and addresses under which this machine is known to itself. */
export function ownNames(): string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, scopeid }) => !internal && (scopeid ?? 0) === 0)
    .map(({ address }) => address);
  return [...new Set([hostname(), 'localhost', '127.0.0.1', '::1', ...addresses])].slice(0, ownNamesMax);
}

/** The files' own names, so that a person knows which to mend. */
function checked(context: SecureContextOptions, { certFile, keyFile }: SecurityConfig): SecureContextOptions {
  try {
    createSecureContext(context);
    return context;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    throw new AuthorityError(
      `--cert ${certFile} with --key ${keyFile} cannot be used: ${reason}: they must be PEM, and belong to each other`,
    );
  }
}

function readOwn(flag: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new AuthorityError(
      `${flag} ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}: it must be a PEM file that this user may read`,
    );
  }
}

/** Changes when one of the operator's files does. */
function stampOf({ certFile, keyFile, caFile }: SecurityConfig): string {
  return [certFile, keyFile, caFile]
    .map((path) => (path === null ? null : statSync(path, { throwIfNoEntry: false })))
    .map((stat) => (stat == null ? '' : `${stat.ino}/${stat.mtimeMs}/${stat.size}`))
    .join(' ');
}
