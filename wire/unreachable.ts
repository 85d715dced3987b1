/** Why a server cannot be reached, in words: grpc-js tells only text, in which the system's code stands. */

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no such host name',
  EAI_AGAIN: 'its name cannot be resolved',
  ECONNRESET: 'it closed the connection',
  ETIMEDOUT: 'no answer',
  EHOSTUNREACH: 'no route to it',
  ENETUNREACH: 'no route to its network',
};

/** What OpenSSL and Node say of a handshake of TLS that failed, and what it means to a person. */
const tlsReasons: readonly (readonly [said: RegExp, meant: string])[] = [
  [
    /self.signed certificate|unable to (?:verify|get)|SELF_SIGNED|UNABLE_TO/i,
    'its certificate is of a CA that is not trusted here: pass --ca FILE with the ca.crt of the aggregator',
  ],
  [/altnames/i, 'its certificate is for other names than this one: "whotalks ca init --name" says for which'],
  [
    /certificate has expired|CERT_HAS_EXPIRED/i,
    'its certificate expired, or the clock of this host is wrong',
  ],
  [
    /not yet valid|CERT_NOT_YET_VALID/i,
    'its certificate is not good yet, or the clock of this host is wrong',
  ],
  [
    /wrong version number|packet length too long|EPROTO|record layer failure/i,
    'what listens there speaks no TLS: leave out --ca where it is a loopback address, or see to it that it is the right port',
  ],
  [
    /before secure TLS connection/i,
    'it ended the handshake of TLS: it speaks none, or something is in between',
  ],
  [/alert/i, 'it refused the handshake of TLS'],
];

/** Why a handshake of TLS failed; null where that is not it. @param details of a status UNAVAILABLE */
export function tlsReason(details: string): string | null {
  return tlsReasons.find(([said]) => said.test(details))?.[1] ?? null;
}

/** @param details of a status UNAVAILABLE @returns one line, without a full stop */
export function unreachableReason(details: string): string {
  const ofTls = tlsReason(details);
  if (ofTls !== null) return ofTls;
  if (/Protocol error|Parse Error/i.test(details)) {
    return 'what listens there does not speak gRPC (the HTTP port?)';
  }
  if (details.startsWith('Name resolution failed')) return 'its name cannot be resolved';
  if (details.includes('Failed to connect')) return 'it takes connections and closes them at once';
  if (details.startsWith('Connection dropped')) return 'the connection broke off';
  const code = /\bE[A-Z_]{3,}\b/.exec(details)?.[0];
  return (code === undefined ? undefined : reasons[code]) ?? details.split('\n')[0]!;
}
