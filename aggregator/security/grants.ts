/**
 * What was granted and taken back: tokens, bans, and the certificates of agents. A sequence of records, and what follows from
 * them: whoever reads the same records in the same order knows the same. Pure.
 *
 * A record that comes twice changes nothing the second time. Only the first use of a token counts, so that of two who use it
 * at once, the order of records decides.
 */
import { type TokenRole, tokenRoles } from './identity.ts';

/** One line of the file. Times in unix milliseconds. */
export type GrantRecord =
  | {
      readonly do: 'create';
      readonly id: string;
      /** SHA-256 of the token, hexadecimal. */
      readonly hash: string;
      readonly name: string;
      readonly grants: TokenGrants;
      readonly atMs: number;
      /** Not good from then on; null = it stays good. */
      readonly untilMs: number | null;
    }
  /** The first use. `by`: who. `key`: SHA-256 of the public key that a join token was used for, hexadecimal. */
  | {
      readonly do: 'use';
      readonly id: string;
      readonly by: string;
      readonly key: string | null;
      readonly atMs: number;
    }
  | { readonly do: 'revoke'; readonly id: string; readonly atMs: number }
  | { readonly do: 'ban'; readonly host: string; readonly atMs: number }
  | { readonly do: 'unban'; readonly host: string; readonly atMs: number }
  /** A certificate was made for the agent of `host`. */
  | {
      readonly do: 'certify';
      readonly host: string;
      readonly serial: string;
      readonly key: string;
      readonly untilMs: number;
    };

export type TokenGrants =
  | { readonly kind: 'roles'; readonly roles: readonly TokenRole[] }
  /** One enrolment; of this host alone, or of one that has no certificate. */
  | { readonly kind: 'join'; readonly host: string | null };

export interface Token {
  readonly id: string;
  readonly hash: string;
  readonly name: string;
  readonly grants: TokenGrants;
  readonly createdMs: number;
  readonly untilMs: number | null;
  readonly used: { readonly by: string; readonly key: string | null; readonly atMs: number } | null;
  readonly revokedMs: number | null;
}

/** The newest certificate of a host's agent. */
export interface Certified {
  readonly serial: string;
  /** SHA-256 of its public key. */
  readonly key: string;
  readonly untilMs: number;
}

/** Tokens that are kept, good ones and others. */
export const tokensMax = 10_000;

export class Grants {
  readonly #tokens = new Map<string, Token>();
  readonly #idsByHash = new Map<string, string>();
  readonly #bans = new Map<string, number>();
  readonly #certified = new Map<string, Certified>();

  get tokens(): ReadonlyMap<string, Token> {
    return this.#tokens;
  }

  /** Host id to the time of the ban. */
  get bans(): ReadonlyMap<string, number> {
    return this.#bans;
  }

  get certified(): ReadonlyMap<string, Certified> {
    return this.#certified;
  }

  /** @param hash SHA-256 of what was shown, hexadecimal */
  tokenByHash(hash: string): Token | undefined {
    return this.#tokens.get(this.#idsByHash.get(hash) ?? '');
  }

  apply(record: GrantRecord): void {
    switch (record.do) {
      case 'create':
        return this.#create(record);
      case 'use': {
        const { by, key, atMs } = record;
        return this.#change(record.id, (token) => ({ ...token, used: token.used ?? { by, key, atMs } }));
      }
      case 'revoke':
        return this.#change(record.id, (token) => ({
          ...token,
          revokedMs: token.revokedMs ?? record.atMs,
        }));
      case 'ban':
        if (!this.#bans.has(record.host)) this.#bans.set(record.host, record.atMs);
        return;
      case 'unban':
        this.#bans.delete(record.host);
        return;
      case 'certify':
        this.#certified.set(record.host, {
          serial: record.serial,
          key: record.key,
          untilMs: record.untilMs,
        });
    }
  }

  #create(record: Extract<GrantRecord, { do: 'create' }>): void {
    const { id, hash, name, grants, atMs, untilMs } = record;
    if (this.#tokens.has(id)) return;
    this.#tokens.set(id, { id, hash, name, grants, createdMs: atMs, untilMs, used: null, revokedMs: null });
    this.#idsByHash.set(hash, id);
  }

  #change(id: string, change: (token: Token) => Token): void {
    const token = this.#tokens.get(id);
    if (token !== undefined) this.#tokens.set(id, change(token));
  }
}

/** Whoever was refused a token is told why for so long after it was no good any more. */
const forgetAfterMs = 30 * 24 * 3_600_000;

/** The fewest records from which the same follows, without what is over for long. */
export function essence(grants: Grants, nowMs: number): GrantRecord[] {
  const records: GrantRecord[] = [];
  for (const token of grants.tokens.values()) {
    const overMs = Math.min(
      token.untilMs ?? Number.POSITIVE_INFINITY,
      token.revokedMs ?? Number.POSITIVE_INFINITY,
    );
    if (overMs + forgetAfterMs < nowMs) continue;
    const { id, hash, name, createdMs, untilMs, used, revokedMs } = token;
    records.push({ do: 'create', id, hash, name, grants: token.grants, atMs: createdMs, untilMs });
    if (used !== null) records.push({ do: 'use', id, ...used });
    if (revokedMs !== null) records.push({ do: 'revoke', id, atMs: revokedMs });
  }
  for (const [host, atMs] of grants.bans) records.push({ do: 'ban', host, atMs });
  for (const [host, certified] of grants.certified) {
    if (certified.untilMs + forgetAfterMs >= nowMs) records.push({ do: 'certify', host, ...certified });
  }
  return records;
}

/** One line of the file as a record; null when it is none. */
export function parseGrantRecord(line: string): GrantRecord | null {
  try {
    const fields = JSON.parse(line) as Readonly<Record<string, unknown>>;
    return typeof fields === 'object' && fields !== null && isRecord(fields) ? fields : null;
  } catch {
    return null;
  }
}

function isRecord(
  fields: Readonly<Record<string, unknown>>,
): fields is GrantRecord & Record<string, unknown> {
  const hasTexts = (...names: string[]): boolean => names.every((name) => typeof fields[name] === 'string');
  const hasTimes = (...names: string[]): boolean => names.every((name) => Number.isFinite(fields[name]));
  switch (fields['do']) {
    case 'create':
      return (
        hasTexts('id', 'hash', 'name') &&
        hasTimes('atMs') &&
        (fields['untilMs'] === null || hasTimes('untilMs')) &&
        isGrants(fields['grants'])
      );
    case 'use':
      return hasTexts('id', 'by') && hasTimes('atMs') && (fields['key'] === null || hasTexts('key'));
    case 'revoke':
      return hasTexts('id') && hasTimes('atMs');
    case 'ban':
    case 'unban':
      return hasTexts('host') && hasTimes('atMs');
    case 'certify':
      return hasTexts('host', 'serial', 'key') && hasTimes('untilMs');
    default:
      return false;
  }
}

function isGrants(value: unknown): value is TokenGrants {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, roles, host } = value as Record<string, unknown>;
  if (kind === 'join') return host === null || typeof host === 'string';
  const known: readonly unknown[] = tokenRoles;
  return kind === 'roles' && Array.isArray(roles) && roles.every((role) => known.includes(role));
}

/** Tokens that ended by themselves after `fromMs` and until `toMs`, unused or not revoked before. */
export function endedBetween(grants: Grants, fromMs: number, toMs: number): Token[] {
  return [...grants.tokens.values()].filter(({ untilMs, revokedMs, used, grants: { kind } }) => {
    const isOver = untilMs !== null && untilMs > fromMs && untilMs <= toMs;
    return isOver && revokedMs === null && !(kind === 'join' && used !== null);
  });
}

/** What a token is good for, in a few words. */
export function describeGrants({ grants }: Pick<Token, 'grants'>): string {
  if (grants.kind === 'roles') return grants.roles.join(', ');
  return grants.host === null ? 'join' : `join as ${grants.host}`;
}
