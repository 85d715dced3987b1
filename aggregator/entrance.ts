/**
 * How whoever comes gets in: over TLS where there is a CA or a certificate, else in plaintext. Both doors are opened the same way,
 * and keep up with what the server shows when that is replaced.
 */
import type { SecureContextOptions, Server as TlsServer } from 'node:tls';
import type * as grpc from '@grpc/grpc-js';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { type HostPort, parseHostPort, refuseExposure } from '../wire/host-port.ts';
import { bindGrpc, bindGrpcTlsDoor, bindHttp, createGrpcTlsDoor } from './bind.ts';
import type { AggregatorConfig } from './config.ts';
import { createGuards, type Guards, hostNamesOf, noProofs, plaintextDoor } from './guards.ts';
import type { StreamAdmission } from './ingest/service.ts';
import type { Audit } from './security/audit.ts';
import type { DoorKind } from './security/identity.ts';
import { Security, type SecurityOptions } from './security/security.ts';
import { CertificateFaults, TlsDoor } from './security/tls-door.ts';

/** What whoever speaks plaintext is to do, by the door. */
const remedies = {
  grpc: 'pass --ca FILE with the ca.crt of the aggregator',
  http: 'ask with https in place of http',
} as const;

/** What to do about a door that nobody may open as it is. */
const setUp = 'run "whotalks ca init" first, use a loopback address';

export class Entrance {
  readonly security: Security | null;
  /** Of certificates that were shown and are not good. */
  readonly faults = new CertificateFaults();
  readonly #options: SecurityOptions;
  #listener: TlsServer | null = null;

  private constructor(security: Security | null, options: SecurityOptions) {
    this.security = security;
    this.#options = options;
  }

  /** Throws AuthorityError, and what the file system throws. */
  static async open({ security }: AggregatorConfig, log: Logger, audit: Audit): Promise<Entrance> {
    const options = { log: log.child({ part: 'security' }), audit, clock: Date.now };
    return new Entrance(security === null ? null : await Security.open(security, options), options);
  }

  /** Who may do what at both doors. Throws HostPortError, and ExposureError for one that nobody may open as it is. */
  guards({ listen, http, httpNames, insecure }: AggregatorConfig): Guards {
    const isAllowed = insecure || this.security !== null;
    const [grpcHost, httpHost] = [parseHostPort(listen), parseHostPort(http)];
    refuseExposure('--listen', grpcHost, isAllowed, setUp);
    refuseExposure('--http', httpHost, isAllowed, setUp);
    return createGuards({
      grpcDoor: this.#doorAt(grpcHost),
      httpDoor: this.#doorAt(httpHost),
      proofs: this.security?.proofs ?? noProofs,
      audit: this.#options.audit,
      hostNames: hostNamesOf(httpHost.host, httpNames, this.#certificates()),
      faultOf: (peer) => this.faults.of(peer),
    });
  }

  /** Whom streams of agents may speak for: who has a certificate, for its own host alone. */
  admission({ grpc: guard }: Guards): StreamAdmission {
    const { security } = this;
    return {
      speaksFor: ({ metadata }) => {
        const identity = guard.identityOf(metadata);
        return identity.kind === 'agent' ? identity.hostId : null;
      },
      faultOfAgent: (hostId) => security?.proofs.faultOfAgent(hostId) ?? null,
      audit: this.#options.audit,
    };
  }

  /** What the server shows, PEM; null = plaintext. */
  get context(): SecureContextOptions | null {
    return this.security?.context ?? null;
  }

  /** The address as bound. Throws BindError. */
  bindGrpc(server: grpc.Server, address: HostPort): Promise<string> {
    if (this.context === null) return bindGrpc(server, address);
    const listener = createGrpcTlsDoor(server, this.context);
    this.#listener = listener;
    this.#guard(listener, remedies.grpc);
    return bindGrpcTlsDoor(listener, address);
  }

  /** The address as bound. Throws BindError. @param server made with `context` */
  bindHttp(server: FastifyInstance, address: HostPort): Promise<string> {
    if (this.context !== null) this.#guard(server.server as unknown as TlsServer, remedies.http);
    return bindHttp(server, address);
  }

  /** Nobody comes in any more; who is in stays. */
  close(): void {
    this.#listener?.close();
  }

  #doorAt({ host }: HostPort): DoorKind {
    return this.security === null ? plaintextDoor(host) : 'tls';
  }

  /** Of the server, PEM. */
  #certificates(): readonly string[] {
    const cert = this.context?.cert;
    return typeof cert === 'string' ? [cert] : [];
  }

  #guard(listener: TlsServer, remedy: string): void {
    new TlsDoor(listener, { audit: this.#options.audit, faults: this.faults, remedy });
    this.security?.onContext((context) => listener.setSecureContext(context));
  }
}
