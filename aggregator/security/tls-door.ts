/**
 * What a door with TLS does before it is a door of gRPC or HTTP: the first byte tells whether whoever comes speaks TLS at all. Who
 * speaks plaintext is told so in its own language, since "connection reset" helps nobody; who fails at the handshake is written down.
 */
import { createServer as createHttp1, type Server as HttpServer } from 'node:http';
import { createServer as createHttp2, type Http2Server } from 'node:http2';
import type { Socket } from 'node:net';
import type { SecureContextOptions, TLSSocket, TlsOptions, Server as TlsServer } from 'node:tls';
import { tlsWanted } from '../../wire/tls-wanted.ts';
import type { Audit } from './audit.ts';

/** The first byte of a TLS connection: a record of the handshake (RFC 8446, 5.1). */
const handshakeRecord = 0x16;

/** The first byte of HTTP/2's preface, "PRI * HTTP/2.0"; of HTTP/1, only PROPFIND and the like share it. */
const letterP = 0x50;

/** How long whoever comes may take for its first byte, for the handshake, and to hear a refusal. */
const patienceMs = 10_000;

/** FAILED_PRECONDITION: trying again changes nothing. */
const grpcRefusal = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '9' } as const;

/** What a client sends that leaves at once: one alert, or nothing. */
const farewellBytesMax = 32;

const distrust = 'it left during the TLS handshake, as whoever does not trust the CA of this aggregator does';

/** What both ends have to say is one of these, forward secret and authenticated; TLS 1.3 names its own. */
export const tlsRules = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
  honorCipherOrder: true,
} as const satisfies SecureContextOptions;

/** Of a door that asks for certificates and lets in who has none. */
export const askForCertificates = {
  requestCert: true,
  rejectUnauthorized: false,
  handshakeTimeout: patienceMs,
} as const satisfies TlsOptions;

/** Why a certificate that somebody showed is not good, by IP and port, while the connection lasts. */
export class CertificateFaults {
  readonly #faults = new Map<string, string>();

  /** null where there is none, or it is good. @param peer as gRPC calls it */
  of(peer: string): string | null {
    return this.#faults.get(peer) ?? null;
  }

  note(peer: string, fault: string, socket: TLSSocket): void {
    this.#faults.set(peer, fault);
    socket.once('close', () => this.#faults.delete(peer));
  }
}

export interface TlsDoorOptions {
  readonly audit: Audit;
  readonly faults: CertificateFaults;
  /** What the other end is to do, such as `pass --ca ca.crt`. */
  readonly remedy: string;
}

/** Stands before `server`, which is not listening yet. */
export class TlsDoor {
  readonly #audit: Audit;
  readonly #refusal: string;
  readonly #faults: CertificateFaults;
  /** Those under way, by IP and port, each with what became wrong. */
  readonly #handshakes = new Map<string, string | null>();
  readonly #plainHttp1: HttpServer;
  readonly #plainHttp2: Http2Server;

  constructor(server: TlsServer, { audit, faults, remedy }: TlsDoorOptions) {
    this.#audit = audit;
    this.#faults = faults;
    this.#refusal = `${tlsWanted}: ${remedy}`;
    this.#plainHttp1 = this.#refuseHttp1();
    this.#plainHttp2 = this.#refuseHttp2();
    const accept = server.listeners('connection');
    server.removeAllListeners('connection');
    server.on('connection', (socket: Socket) => {
      this.#look(socket, () => {
        for (const each of accept) Reflect.apply(each, server, [socket]);
      });
    });
    server.prependListener('secureConnection', (socket: TLSSocket) => {
      this.#handshakes.delete(peerOf(socket));
      this.#noteFault(socket);
      this.#noteSilence(socket);
    });
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      const peer = peerOf(socket);
      if (this.#handshakes.has(peer)) this.#handshakes.set(peer, handshakeFault(error));
      socket.destroy();
    });
  }

  #look(socket: Socket, accept: () => void): void {
    const giveUp = (): void => void socket.destroy();
    socket.setTimeout(patienceMs, giveUp);
    socket.on('error', giveUp);
    socket.once('readable', () => {
      const first = socket.read() as Buffer | null;
      if (first === null) return giveUp();
      socket.unshift(first);
      if (first[0] === handshakeRecord) {
        socket.off('error', giveUp);
        socket.setTimeout(0);
        socket.off('timeout', giveUp);
        this.#noteHandshake(socket);
        return accept();
      }
      this.#refused(peerOf(socket), 'it speaks plaintext, and this port speaks TLS');
      (first[0] === letterP ? this.#plainHttp2 : this.#plainHttp1).emit('connection', socket);
    });
  }

  #refuseHttp1(): HttpServer {
    return createHttp1((_request, response) => {
      response.writeHead(400, { 'content-type': 'text/plain', connection: 'close' });
      response.end(`whotalks: ${this.#refusal}\n`);
    });
  }

  #refuseHttp2(): Http2Server {
    const server = createHttp2();
    server.on('stream', (stream) => {
      stream.on('error', () => stream.session?.destroy());
      stream.respond({ ...grpcRefusal, 'grpc-message': this.#refusal }, { endStream: true });
      stream.session?.close();
    });
    server.on('sessionError', () => undefined);
    return server;
  }

  #noteFault(socket: TLSSocket): void {
    const fault = socket.authorizationError as unknown as string | Error | null | undefined;
    // Without a certificate there is nothing to find fault with.
    if (fault == null || socket.getPeerCertificate().raw === undefined) return;
    const code = fault instanceof Error ? (fault as NodeJS.ErrnoException).code : fault;
    this.#faults.note(peerOf(socket), certificateFault(String(code)), socket);
  }

  /** By the time that a connection is closed, its address is forgotten. */
  #noteHandshake(socket: Socket): void {
    const peer = peerOf(socket);
    this.#handshakes.set(peer, null);
    socket.once('close', () => {
      const fault = this.#handshakes.get(peer);
      if (fault === undefined) return;
      this.#handshakes.delete(peer);
      this.#refused(peer, fault === null ? distrust : `the TLS handshake failed: ${fault}`);
    });
  }

  /** A client of TLS 1.3 may look at the server's certificate when both are done, and leave without a word. */
  #noteSilence(socket: TLSSocket): void {
    const [peer, handshakeBytes] = [peerOf(socket), socket.bytesRead];
    socket.once('close', () => {
      if (socket.bytesRead - handshakeBytes <= farewellBytesMax) this.#refused(peer, distrust);
    });
  }

  #refused(peer: string, detail: string): void {
    this.#audit({ kind: 'refused', reason: 'handshake', subject: null, peer, detail });
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress ?? 'unknown'}:${remotePort ?? 0}`;
}

/** OpenSSL's words for certificates of clients, by Node's codes. */
const certificateFaults: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'this certificate expired: enrol the host anew with a join token',
  CERT_NOT_YET_VALID: 'this certificate is not good yet: one of the two clocks is wrong',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'this certificate is of another CA than this aggregator has',
  UNABLE_TO_GET_ISSUER_CERT: 'this certificate is of another CA than this aggregator has',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'this certificate is of another CA than this aggregator has',
  SELF_SIGNED_CERT_IN_CHAIN: 'this certificate is of another CA than this aggregator has',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'this certificate is signed by itself and not by the CA of this aggregator',
  CERT_SIGNATURE_FAILURE: 'the signature of this certificate is wrong',
  INVALID_PURPOSE: 'this certificate is not made for a client',
};

function certificateFault(code: string): string {
  return (
    certificateFaults[code] ?? `this certificate is not good: ${code.toLowerCase().replaceAll('_', ' ')}`
  );
}

/** The last part of OpenSSL's line is the reason. null where it is only known that the connection is gone. */
function handshakeFault(error: NodeJS.ErrnoException): string | null {
  if (error.code === 'ECONNRESET') return null;
  const reason = error.message
    .split('\n')[0]!
    .split(':')
    .findLast((part) => /[a-z]{3} /i.test(part));
  return (reason ?? error.code ?? error.message).trim();
}
