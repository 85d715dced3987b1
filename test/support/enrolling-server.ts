/** An aggregator's door with a CA behind it: enrols agents for real, takes their streams, and does nothing with them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Server as TlsServer } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { bindGrpcTlsDoor, createGrpcTlsDoor, shutDownGrpc } from '../../aggregator/bind.ts';
import type { AuditEvent } from '../../aggregator/security/audit.ts';
import { type Authority, createAuthority, grantsPath } from '../../aggregator/security/authority.ts';
import { addEnrolService } from '../../aggregator/security/enrol-service.ts';
import { Enrolment } from '../../aggregator/security/enrolment.ts';
import { GrantsFile } from '../../aggregator/security/grants-file.ts';
import { Identifier, type Identity } from '../../aggregator/security/identity.ts';
import { GrantProofs } from '../../aggregator/security/proofs.ts';
import { CertificateFaults, TlsDoor, tlsRules } from '../../aggregator/security/tls-door.ts';
import { createToken } from '../../aggregator/security/tokens.ts';
import { ingestService } from '../../wire/ingest-service.ts';

const lifeMs = 86_400_000;

export class EnrollingServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'whotalks-enrolling-'));
  /** Who opened each stream, in order. */
  readonly streams: Identity[] = [];
  readonly audited: AuditEvent[] = [];
  /** Streams that ended. */
  ended = 0;
  /** How long it says that certificates are good: they are renewed accordingly, and good for a day all the same. */
  readonly toldLifeMs: number;
  authority!: Authority;
  grants!: GrantsFile;
  address = '';
  readonly #server = new grpc.Server();
  #listener!: TlsServer;

  private constructor(toldLifeMs: number) {
    this.toldLifeMs = toldLifeMs;
  }

  static async open(toldLifeMs = lifeMs): Promise<EnrollingServer> {
    const server = new EnrollingServer(toldLifeMs);
    server.authority = await createAuthority(join(server.folder, 'security'), [], Date.now());
    server.grants = new GrantsFile(grantsPath(join(server.folder, 'security')));
    writeFileSync(server.caFile, server.authority.pem);
    await server.#start();
    return server;
  }

  get caFile(): string {
    return join(this.folder, 'ca.crt');
  }

  /** @returns the name of a file with a new join token in it */
  joinToken(host: string | null = null, lifeMs = 600_000): string {
    const token = { name: 'join', grants: { kind: 'join', host }, lifeMs } as const;
    const { id, secret } = createToken(this.grants, token, Date.now());
    const path = join(this.folder, `token-${id}`);
    writeFileSync(path, `${secret}\n`);
    return path;
  }

  async #start(): Promise<void> {
    const audit = (event: AuditEvent): void => void this.audited.push(event);
    const { authority, grants, toldLifeMs } = this;
    const proofs = new GrantProofs({ grants, audit, clock: Date.now });
    const faults = new CertificateFaults();
    const identifier = new Identifier('tls', proofs, (peer) => faults.of(peer));
    const enrolment = new Enrolment({ authority, grants, audit, lifeMs, clock: Date.now });
    addEnrolService(this.#server, {
      enrolment: {
        join: (...asked) => ({ ...enrolment.join(...asked), lifeMs: toldLifeMs }),
        renew: (...asked) => ({ ...enrolment.renew(...asked), lifeMs: toldLifeMs }),
      },
      identityOf: (call) => identifier.ofGrpc(call),
      onError: (error) => {
        throw error;
      },
    });
    this.#server.addService(ingestService(), { Stream: this.#takeStream(identifier) });
    const { cert, key } = await authority.issueServer(['localhost', '127.0.0.1'], Date.now());
    this.#listener = createGrpcTlsDoor(this.#server, { ...tlsRules, cert, key, ca: authority.pem });
    new TlsDoor(this.#listener, { audit, faults, remedy: 'pass --ca ca.crt' });
    this.address = await bindGrpcTlsDoor(this.#listener, { host: '127.0.0.1', port: 0 });
  }

  async close(): Promise<void> {
    this.#listener.close();
    this.#server.forceShutdown();
    await shutDownGrpc(this.#server);
    rmSync(this.folder, { recursive: true });
  }

  #takeStream(identifier: Identifier): grpc.handleBidiStreamingCall<Buffer, object> {
    return (call) => {
      const identity = identifier.ofGrpc(call);
      if (identity.kind !== 'agent') {
        const details = (identity.kind === 'anonymous' && identity.refused) || 'nothing was shown';
        return void call.emit('error', { code: grpc.status.UNAUTHENTICATED, details });
      }
      this.streams.push(identity);
      call.on('data', () => undefined);
      call.on('error', () => undefined);
      call.once('close', () => this.ended++);
      call.sendMetadata(new grpc.Metadata());
    };
  }
}
