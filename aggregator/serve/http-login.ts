/**
 * Logging in with a browser: it sends a token once and gets a cookie for it, with which it asks from then on. Where nobody has
 * to show anything (on loopback), there is nothing to log in to.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { SessionDocument } from '../../model/document.ts';
import { apiVersion } from '../../wire/protocol.ts';
import type { Audit } from '../security/audit.ts';
import { login } from '../security/authorise.ts';
import { type Gate, subjectOf } from '../security/gate.ts';
import type { Identifier, Identity } from '../security/identity.ts';
import { type PageSessions, sessionMaxMs } from '../security/page-sessions.ts';
import type { Refusal } from '../security/refusal.ts';
import { cookieName, cookieOf, type HttpGuard, peerOf } from './http-guard.ts';
import { InvalidRequest } from './request.ts';

export interface LoginOptions {
  readonly guard: HttpGuard;
  readonly gate: Gate;
  readonly identifier: Identifier;
  readonly sessions: PageSessions;
  readonly audit: Audit;
  /** Milliseconds that never step. */
  readonly monotonicClock?: () => number;
}

/** A token has some 50 letters. */
const bodyBytesMax = 4096;

/** @param refuse answers with a refusal */
export function addLogin(
  server: FastifyInstance,
  options: LoginOptions,
  refuse: (reply: FastifyReply, refusal: Refusal) => FastifyReply,
): void {
  const { guard, gate, identifier, sessions, audit } = options;
  const now = options.monotonicClock ?? (() => performance.now());
  server.get('/session', (request, reply) => tell(reply, guard.identityOf(request)));
  server.post('/login', { bodyLimit: bodyBytesMax }, (request, reply) => {
    const token = tokenOf(request.body);
    const peer = peerOf(request);
    const identify = (): Identity => identifier.ofToken(token);
    const admission = gate.admit({ action: login, ...peer, identify });
    if (admission.kind === 'refused') return refuse(reply, admission.refusal);
    const { identity } = admission;
    if (identity.kind !== 'bearer') return tell(reply, identity);
    endSession(request, sessions);
    const secret = sessions.begin(identity, now());
    audit({ kind: 'logged-in', subject: subjectOf(identity), peer: peer.peer, detail: 'with a browser' });
    return tell(reply.header('set-cookie', cookie(secret, sessionMaxMs)), identity);
  });
  server.post('/logout', { bodyLimit: bodyBytesMax }, (request, reply) => {
    const identity = guard.sessionOf(request)?.identity;
    if (identity !== undefined) {
      const { peer } = peerOf(request);
      audit({ kind: 'logged-out', subject: subjectOf(identity), peer, detail: 'with a browser' });
    }
    endSession(request, sessions);
    return tell(reply.header('set-cookie', cookie('', 0)), { kind: 'anonymous', refused: null });
  });
}

function endSession(request: FastifyRequest, sessions: PageSessions): void {
  const secret = cookieOf(request);
  if (secret !== null) sessions.end(secret);
}

function cookie(secret: string, forMs: number): string {
  return `${cookieName}=${secret}; Path=/; Max-Age=${forMs / 1000}; HttpOnly; Secure; SameSite=Strict`;
}

/** Nobody on the way keeps who is logged in. */
function tell(reply: FastifyReply, identity: Identity): FastifyReply {
  return reply.header('cache-control', 'no-store').send(sessionDocument(identity));
}

function sessionDocument(identity: Identity): SessionDocument {
  const needsToken = identity.kind === 'anonymous' || identity.kind === 'agent' || identity.kind === 'bearer';
  const session = identity.kind === 'bearer' ? { name: identity.name, roles: [...identity.roles] } : null;
  return { apiVersion, needsToken, session };
}

/** Throws InvalidRequest. */
function tokenOf(body: unknown): string {
  const token: unknown = typeof body === 'object' && body !== null && 'token' in body ? body.token : null;
  if (typeof token === 'string' && token.trim() !== '') return token.trim();
  throw new InvalidRequest('expected {"token": "..."}');
}
