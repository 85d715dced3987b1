/**
 * The gate at the door of HTTP: a hook before everything else of each request. Programs show a token in a header, browsers a
 * cookie that they got for one.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Admitted, Approach, Gate } from '../security/gate.ts';
import type { Identifier, Identity, Proofs } from '../security/identity.ts';
import type { PageSession, PageSessions } from '../security/page-sessions.ts';
import type { Refusal, RefusalReason } from '../security/refusal.ts';
import { type Sight, seesNoCmdlines } from '../security/sight.ts';
import { type HostNames, refusalOfHost, refusalOfOrigin } from './host-names.ts';

export interface HttpGuardOptions {
  readonly gate: Gate;
  readonly identifier: Identifier;
  readonly proofs: Pick<Proofs, 'again'>;
  readonly sessions: PageSessions;
  readonly hostNames: HostNames;
  /** Milliseconds that never step. */
  readonly monotonicClock?: () => number;
}

/** Only sent over TLS, to this server alone, and never with what another site asks for; scripts do not see it. */
export const cookieName = '__Host-whotalks';

const statusOf: Readonly<Partial<Record<RefusalReason, number>>> = {
  'no-credentials': 401,
  'bad-credentials': 401,
  unreadable: 503,
  'too-many-failures': 429,
  'too-many': 429,
};

export function refusalHttpStatus({ reason }: Refusal): number {
  return statusOf[reason] ?? 403;
}

export class HttpGuard {
  readonly #options: HttpGuardOptions;
  readonly #now: () => number;
  readonly #admitted = new WeakMap<FastifyRequest, Admitted>();

  constructor(options: HttpGuardOptions) {
    this.#options = options;
    this.#now = options.monotonicClock ?? (() => performance.now());
  }

  /** Null when the request may go on. */
  admit(request: FastifyRequest): Refusal | null {
    const { gate, hostNames } = this.#options;
    const { host, origin } = request.headers;
    const approach = this.#approachOf(request);
    const changes = request.method !== 'GET' && request.method !== 'HEAD';
    const foreign = refusalOfHost(host, hostNames) ?? (changes ? refusalOfOrigin(origin, host) : null);
    if (foreign !== null) {
      gate.tell(approach, foreign, { kind: 'anonymous', refused: null });
      return foreign;
    }
    // Nothing is there, so there is nothing to be let in to.
    if (request.is404) return null;
    const admission = gate.admit(approach);
    if (admission.kind === 'refused') return admission.refusal;
    this.#admitted.set(request, admission);
    return null;
  }

  /** What the answer to a request may show. */
  sightOf(request: FastifyRequest): Sight {
    return this.#admitted.get(request)?.sight ?? seesNoCmdlines;
  }

  /**
   * Has a stream end with the token that opened it.
   * @returns what is to be called when it ended by itself, or why there may be no further one
   */
  hold(request: FastifyRequest, end: () => void): ReturnType<Gate['hold']> {
    const admitted = this.#admitted.get(request);
    if (admitted === undefined) return { kind: 'held', release: () => undefined };
    return this.#options.gate.hold(this.#approachOf(request), admitted, end);
  }

  /** Who a request comes from. */
  identityOf(request: FastifyRequest): Identity {
    const { identifier, proofs } = this.#options;
    const identity = identifier.ofHttp(request.raw);
    if (identity.kind !== 'anonymous' || identity.refused !== null) return identity;
    const session = this.sessionOf(request);
    return session === null ? identity : proofs.again(session.identity);
  }

  /** The login of the browser that a request comes from; its token may be over by now. */
  sessionOf(request: FastifyRequest): PageSession | null {
    const secret = cookieOf(request);
    return secret === null ? null : this.#options.sessions.find(secret, this.#now());
  }

  #approachOf(request: FastifyRequest): Approach {
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    return {
      // Of what is not there, no name is told: anybody could choose it.
      action: `${method} ${request.routeOptions.url ?? 'of something that is not there'}`,
      ...peerOf(request),
      identify: () => this.identityOf(request),
    };
  }
}

/** Where a request comes from. */
export function peerOf({ socket }: FastifyRequest): Pick<Approach, 'peer' | 'address'> {
  const address = socket.remoteAddress ?? 'unknown';
  return { address, peer: `${address}:${socket.remotePort ?? 0}` };
}

/** What the cookie holds; null = there is none. */
export function cookieOf(request: FastifyRequest): string | null {
  for (const pair of (request.headers.cookie ?? '').split(';')) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === cookieName && /^[\w-]{43}$/.test(value ?? '')) return value!;
  }
  return null;
}

/** A route that stands in no list would be refused to everybody: who adds one is told at once. */
export function checkRoutes(server: FastifyInstance, isListed: (action: string) => boolean): void {
  server.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) {
      const action = `${each === 'HEAD' ? 'GET' : each} ${url}`;
      if (!isListed(action)) throw new Error(`${action} is missing in aggregator/security/authorise.ts`);
    }
  });
}
