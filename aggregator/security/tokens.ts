/** Tokens: how they are made, what of them is kept, and whether one that is shown is good. */
import { createHash, randomBytes } from 'node:crypto';
import { type Grants, type Token, type TokenGrants, tokensMax } from './grants.ts';
import type { GrantsFile } from './grants-file.ts';
import type { Identity } from './identity.ts';

/** How long a join token is good. */
export const joinTokenLifeMs = 600_000;

/** How long any other token is good where nobody says otherwise. */
export const tokenLifeMs = 365 * 24 * 3_600_000;

/** 256 bits, of which nothing can be guessed. */
const secretBytes = 32;

/** What tells a token that was found somewhere apart from other secrets, and one kind of it from the other. */
const prefixes = { join: 'wtjoin_', roles: 'wttoken_' } as const;

/** A request for tokens that cannot be met; the message is one line. */
export class TokenError extends Error {
  override readonly name = 'TokenError';
}

export interface NewToken {
  readonly id: string;
  /** Shown once and kept nowhere. */
  readonly secret: string;
  readonly untilMs: number | null;
}

/** Throws TokenError, and what the file system throws. @param lifeMs null = it stays good until it is revoked */
export function createToken(
  file: GrantsFile,
  { name, grants, lifeMs }: { name: string; grants: TokenGrants; lifeMs: number | null },
  nowMs: number,
): NewToken {
  if (file.current().tokens.size >= tokensMax) {
    throw new TokenError(`there are ${tokensMax} tokens already: revoke those that nobody needs`);
  }
  const id = randomBytes(4).toString('hex');
  const secret = prefixes[grants.kind] + randomBytes(secretBytes).toString('base64url');
  const untilMs = lifeMs === null ? null : nowMs + lifeMs;
  file.append({ do: 'create', id, hash: hashOf(secret), name, grants, atMs: nowMs, untilMs });
  return { id, secret, untilMs };
}

/** SHA-256, hexadecimal. */
export function hashOf(bytes: string | Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The token that `secret` is, or in one sentence why it is none. What was used before is not looked at. */
export function findToken(
  grants: Grants,
  secret: string,
  kind: TokenGrants['kind'],
  nowMs: number,
): Token | string {
  const token = grants.tokenByHash(hashOf(secret));
  if (token === undefined) return 'this token is not known here';
  if (token.grants.kind !== kind) {
    return kind === 'join'
      ? `token ${token.id} is no join token; "whotalks token create --join" makes one`
      : `token ${token.id} is a join token, with which an agent enrols and nothing else`;
  }
  return refusedToken(token, nowMs) ?? token;
}

/** Why a token is no good any more; null = it is. */
export function refusedToken({ id, revokedMs, untilMs }: Token, nowMs: number): string | null {
  if (revokedMs !== null) return `token ${id} was revoked at ${timeText(revokedMs)}`;
  return untilMs !== null && untilMs <= nowMs ? `token ${id} expired at ${timeText(untilMs)}` : null;
}

/** RFC 3339, to the second. */
export function timeText(unixMs: number): string {
  return new Date(unixMs).toISOString().replace(/\.[0-9]{3}Z$/, 'Z');
}

/** Who shows `secret`. */
export function bearerOf(grants: Grants, secret: string, nowMs: number): Identity {
  const token = findToken(grants, secret, 'roles', nowMs);
  if (typeof token === 'string') return { kind: 'anonymous', refused: token };
  const roles = token.grants.kind === 'roles' ? token.grants.roles : [];
  return { kind: 'bearer', tokenId: token.id, name: token.name, roles: new Set(roles) };
}
