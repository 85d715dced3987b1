/** The door of TLS before a gRPC and an HTTP server: who comes with what, and what both ends are told. */
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { createServer as createHttps, type Server as HttpsServer, request as httpsRequest } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, type Server as TlsServer } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bindGrpcTlsDoor, createGrpcTlsDoor, shutDownGrpc } from '../../../aggregator/bind.ts';
import type { AuditEvent } from '../../../aggregator/security/audit.ts';
import { type Authority, createAuthority } from '../../../aggregator/security/authority.ts';
import {
  askForCertificates,
  CertificateFaults,
  TlsDoor,
  tlsRules,
} from '../../../aggregator/security/tls-door.ts';
import {
  type ClientChannel,
  type ClientTls,
  plaintextChannel,
  tlsChannel,
} from '../../../wire/tls-client.ts';
import { tlsReason } from '../../../wire/unreachable.ts';
import { encodePem } from '../../../wire/x509/pem.ts';
import { makeKeyPair, privateKeyPem } from '../../../wire/x509/signing.ts';
import { until } from '../../support/until.ts';

const dayMs = 86_400_000;
const echo: grpc.MethodDefinition<Buffer, Buffer> = {
  path: '/test.Echo/Echo',
  requestStream: false,
  responseStream: false,
  requestSerialize: (bytes) => bytes,
  requestDeserialize: (bytes) => bytes,
  responseSerialize: (bytes) => bytes,
  responseDeserialize: (bytes) => bytes,
};

let folder: string;
let [ours, theirs]: [Authority, Authority] = [undefined!, undefined!];
let server: grpc.Server;
let listener: TlsServer;
let address: string;
let audited: AuditEvent[] = [];

const audit = (event: AuditEvent): void => void audited.push(event);
const faults = new CertificateFaults();
const remedy = 'pass --ca ca.crt';

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'whotalks-tls-'));
  ours = await createAuthority(join(folder, 'ours'), [], Date.now());
  theirs = await createAuthority(join(folder, 'theirs'), [], Date.now());
  server = new grpc.Server();
  server.addService({ echo }, { echo: answerWhoComes });
  listener = createGrpcTlsDoor(server, await contextOf(ours));
  new TlsDoor(listener, { audit, faults, remedy });
  address = await bindGrpcTlsDoor(listener, { host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  listener.close();
  await shutDownGrpc(server);
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  audited = [];
});

async function contextOf(authority: Authority) {
  const { cert, key } = await authority.issueServer(['localhost', '127.0.0.1'], Date.now());
  return { ...tlsRules, cert, key, ca: authority.pem };
}

const answerWhoComes: grpc.handleUnaryCall<Buffer, Buffer> = (call, callback) => {
  const subject = call.getAuthContext().sslPeerCertificate?.subjectaltname ?? 'nobody';
  callback(null, Buffer.from(`${subject}; ${faults.of(call.getPeer()) ?? 'no fault'}`));
};

/** What the server sees, or `CODE details`. */
function ask({ credentials, options }: ClientChannel): Promise<string> {
  const client = new grpc.Client(address, credentials, { ...options, 'grpc.use_local_subchannel_pool': 1 });
  return new Promise((resolve) => {
    const told = (error: grpc.ServiceError | null, bytes?: Buffer): void => {
      client.close();
      resolve(error === null ? String(bytes) : `${grpc.status[error.code]} ${error.details}`);
    };
    client.makeUnaryRequest(
      echo.path,
      echo.requestSerialize,
      echo.responseDeserialize,
      Buffer.alloc(0),
      told,
    );
  });
}

async function agentOf(authority: Authority, lifeMs = dayMs, nowMs = Date.now()) {
  const { publicKey, privateKey } = await makeKeyPair();
  const issued = authority.issueAgent('web-7', publicKey, lifeMs, nowMs);
  const chain = issued.chain.map((der) => encodePem('CERTIFICATE', der)).join('');
  return { chain, key: privateKeyPem(privateKey) };
}

function trusting({ pem: ca }: Authority, own: ClientTls['own'] = null): ClientChannel {
  return tlsChannel(address, { ca, own });
}

describe('over TLS', () => {
  test('who has no certificate comes in as nobody', async () => {
    expect(await ask(trusting(ours))).toBe('nobody; no fault');
  });

  test('who has one of our CA comes in with it', async () => {
    expect(await ask(trusting(ours, await agentOf(ours)))).toBe('URI:whotalks://agent/web-7; no fault');
  });

  test('one of another CA counts as none, and it is known why', async () => {
    expect(await ask(trusting(ours, await agentOf(theirs)))).toBe(
      'nobody; this certificate is of another CA than this aggregator has',
    );
  });

  test('one that expired counts as none, and it is known why', async () => {
    const expired = await agentOf(ours, 1000, Date.now() - dayMs);
    expect(await ask(trusting(ours, expired))).toBe(
      'nobody; this certificate expired: enrol the host anew with a join token',
    );
  });

  test('one of a server counts as none', async () => {
    const { cert, key } = await ours.issueServer(['localhost'], Date.now());
    expect(await ask(trusting(ours, { chain: cert, key }))).toBe(
      'nobody; this certificate is not made for a client',
    );
  });

  test('who trusts another CA leaves, and both ends know why', async () => {
    const answer = await ask(trusting(theirs));
    expect(tlsReason(answer)).toBe(
      'its certificate is of a CA that is not trusted here: pass --ca FILE with the ca.crt of the aggregator',
    );
    await until('it is written down', () => audited.length > 0);
    expect(audited[0]).toMatchObject({ kind: 'refused', subject: null });
    expect(audited[0]!.peer).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(audited[0]!.detail).toBe(
      'it left during the TLS handshake, as whoever does not trust the CA of this aggregator does',
    );
  });

  test('versions before 1.2 are refused', async () => {
    const old = createSecureContext({ ca: ours.pem, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' });
    expect(
      await ask({ ...trusting(ours), credentials: grpc.credentials.createFromSecureContext(old) }),
    ).toMatch(/^UNAVAILABLE /);
    await until('it is written down', () => audited.length > 0);
    expect(audited[0]!.detail).toMatch(/^the TLS handshake failed: .*(?:version|protocol)/);
  });

  test('a new certificate is shown to whoever comes next', async () => {
    const replacement = await createAuthority(join(folder, 'next'), [], Date.now());
    listener.setSecureContext({ ...(await contextOf(replacement)), ca: [ours.pem, replacement.pem] });
    expect(await ask(trusting(replacement, await agentOf(ours)))).toBe(
      'URI:whotalks://agent/web-7; no fault',
    );
    listener.setSecureContext(await contextOf(ours));
    expect(await ask(trusting(ours))).toBe('nobody; no fault');
  });
});

describe('in plaintext', () => {
  test('a gRPC client is told what to do, and it is written down', async () => {
    expect(await ask(plaintextChannel)).toBe(
      `FAILED_PRECONDITION this port speaks TLS and nothing else: ${remedy}`,
    );
    expect(audited).toMatchObject([
      { kind: 'refused', detail: 'it speaks plaintext, and this port speaks TLS' },
    ]);
  });

  test('who says nothing is not listened to for long', async () => {
    const { port } = listener.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1');
    const isClosed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    socket.end();
    await isClosed;
    expect(audited).toEqual([]);
  });
});

describe('before an HTTP server', () => {
  let https: HttpsServer;
  let port: number;

  beforeAll(async () => {
    https = createHttps({ ...(await contextOf(ours)), ...askForCertificates }, (_, response) =>
      response.end('hello'),
    );
    new TlsDoor(https, { audit, faults, remedy: 'use https' });
    await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', () => resolve()));
    port = (https.address() as AddressInfo).port;
  });
  afterAll(() => {
    https.close();
    https.closeAllConnections();
  });

  test('https is answered', async () => {
    const text = await new Promise<string>((resolve, reject) => {
      const asked = httpsRequest({ host: '127.0.0.1', port, ca: ours.pem }, (response) => {
        response.setEncoding('utf8').on('data', resolve);
      });
      asked.on('error', reject).end();
    });
    expect(text).toBe('hello');
  });

  test('http is told to use https', async () => {
    const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      get({ host: '127.0.0.1', port, agent: false }, (response) => {
        const status = response.statusCode!;
        response.setEncoding('utf8').on('data', (text: string) => resolve({ status, text }));
      }).on('error', reject);
    });
    expect({ status, text }).toEqual({
      status: 400,
      text: 'whotalks: this port speaks TLS and nothing else: use https\n',
    });
  });
});

test('a client of TLS at a port of plaintext knows what is wrong', async () => {
  const plain = new grpc.Server();
  plain.addService({ echo }, { echo: answerWhoComes });
  const port = await new Promise<number>((resolve, reject) => {
    plain.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const before = address;
  address = `127.0.0.1:${port}`;
  const answer = await ask(trusting(ours)).finally(() => {
    address = before;
  });
  plain.forceShutdown();
  expect(tlsReason(answer), answer).toMatch(/^what listens there speaks no TLS/);
});
