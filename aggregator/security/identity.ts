/**
 * Who is at the other end of a call, as far as that is proven: by the door that it came through, by its certificate, or by a
 * token. What it may do is decided elsewhere; nothing here refuses anybody.
 */
import type { IncomingMessage } from 'node:http';
import { type PeerCertificate, TLSSocket } from 'node:tls';
import type * as grpc from '@grpc/grpc-js';

/** What a token may carry. Agents have no token for their work, but a certificate: to report is not among them. */
export const tokenRoles = ['read', 'read:cmdline', 'admin'] as const;

export type TokenRole = (typeof tokenRoles)[number];

export type Identity =
  /** Plaintext through a door on loopback: whoever can reach it is trusted. */
  | { readonly kind: 'local' }
  /** Plaintext through a door off loopback, which --insecure opened. */
  | { readonly kind: 'insecure' }
  /** TLS, with a certificate that our CA made for the agent of this host. Serial: hexadecimal. */
  | { readonly kind: 'agent'; readonly hostId: string; readonly serial: string }
  /** TLS, with a token. */
  | {
      readonly kind: 'bearer';
      readonly tokenId: string;
      readonly name: string;
      readonly roles: ReadonlySet<TokenRole>;
    }
  /** TLS, with nothing that proves anything. `refused`: why what it did show is not good; null where it showed nothing. */
  | { readonly kind: 'anonymous'; readonly refused: string | null };

/** How a door was opened. */
export type DoorKind = 'local' | 'insecure' | 'tls';

/** What is known of tokens and certificates. */
export interface Proofs {
  /** Whose token it is, or why it is nobody's. */
  ofToken(secret: string): Identity;
  /** Whose certificate it is, or why it is nobody's; TLS has verified that our CA signed it and that it is in time. */
  ofCertificate(certificate: PeerCertificate): Identity;
  /** Who it is now that was proven to be this before: nobody, once the token is over or taken back, or the host is banned. */
  again(identity: Identity): Identity;
}

/** What of a gRPC call tells who makes it. */
export type GrpcCall = Pick<
  grpc.ServerUnaryCall<unknown, unknown>,
  'metadata' | 'getAuthContext' | 'getPeer'
>;

export class Identifier {
  readonly #door: DoorKind;
  readonly #proofs: Proofs;
  readonly #faultOf: (peer: string) => string | null;

  /** @param faultOf why TLS found the certificate not good that came from an IP and port; null where it did not, or none came */
  constructor(door: DoorKind, proofs: Proofs, faultOf: (peer: string) => string | null = () => null) {
    this.#door = door;
    this.#proofs = proofs;
    this.#faultOf = faultOf;
  }

  ofGrpc(call: GrpcCall): Identity {
    if (this.#door !== 'tls') return { kind: this.#door };
    const [authorization] = call.metadata.get('authorization');
    if (authorization !== undefined) return this.#ofAuthorization(authorization.toString());
    return this.#ofCertificate(call.getAuthContext().sslPeerCertificate, () => this.#faultOf(call.getPeer()));
  }

  ofHttp(request: Pick<IncomingMessage, 'headers' | 'socket'>): Identity {
    if (this.#door !== 'tls') return { kind: this.#door };
    const { authorization } = request.headers;
    if (authorization !== undefined) return this.#ofAuthorization(authorization);
    const { socket } = request;
    const verified = socket instanceof TLSSocket && socket.authorized;
    return this.#ofCertificate(verified ? socket.getPeerCertificate() : undefined, () => null);
  }

  /** Of a token that came in another way, such as a cookie. */
  ofToken(secret: string): Identity {
    return this.#door === 'tls' ? this.#proofs.ofToken(secret) : { kind: this.#door };
  }

  #ofAuthorization(text: string): Identity {
    const secret = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(text)?.[1];
    if (secret !== undefined) return this.#proofs.ofToken(secret);
    return { kind: 'anonymous', refused: 'authorization is not of the form "Bearer TOKEN"' };
  }

  /** Without a certificate Node hands out an empty object. */
  #ofCertificate(certificate: PeerCertificate | undefined, fault: () => string | null): Identity {
    if (certificate?.raw === undefined) return { kind: 'anonymous', refused: fault() };
    return this.#proofs.ofCertificate(certificate);
  }
}
