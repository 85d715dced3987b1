/** The messages of the Enrol service as both ends hold them. */

export interface JoinFields {
  readonly token: string;
  readonly hostId: string;
  /** PKCS #10, DER. */
  readonly request: Buffer;
}

export interface RenewFields {
  readonly request: Buffer;
}

export interface CertificateFields {
  /** DER: the agent's own, then that of the CA. */
  readonly chain: readonly Buffer[];
  readonly lifeMs: number;
}
