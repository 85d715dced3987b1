/** The flags of TLS to what agent and aggregator take, with what goes together and what does not. */
import { join } from 'node:path';
import type { AgentTls, TrustedCa } from '../agent/config.ts';
import type { SecurityConfig } from '../aggregator/config.ts';
import { isLoopbackHost, parseHostPort } from '../wire/host-port.ts';
import { usageFailure } from './exit.ts';

export interface AgentTlsValues {
  readonly server: string;
  readonly insecure: boolean;
  readonly ca: string | null;
  readonly caSha256: string | null;
  readonly tokenFile: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

/**
 * null = plaintext: to loopback where no flag of TLS is set, and wherever --insecure says so. Throws a usage failure.
 * @param folder of agents
 */
export function agentTls(values: AgentTlsValues, folder: string): AgentTls | null {
  const { server, insecure, ca, caSha256, tokenFile, cert, key } = values;
  const set = Object.entries({ ca, 'ca-sha256': caSha256, 'token-file': tokenFile, cert, key }).filter(
    ([, value]) => value !== null,
  );
  if (insecure) {
    if (set[0] !== undefined)
      throw usageFailure(`--${set[0][0]} is of TLS, which --insecure switches off; leave out one of them`);
    return null;
  }
  if (set.length === 0 && isLoopbackHost(parseHostPort(server).host)) return null;
  requirePair(cert, key);
  if (ca !== null && caSha256 !== null)
    throw usageFailure('--ca and --ca-sha256 name a CA each; leave out one of them');
  if (caSha256 !== null && !/^([0-9a-f]{64}|[0-9a-f]{2}(:[0-9a-f]{2}){31})$/i.test(caSha256)) {
    throw usageFailure('--ca-sha256: expected the 64 hexadecimal digits that "whotalks ca show" prints');
  }
  return {
    isOnlyIfWanted: false,
    ca: trustedCa(ca, caSha256),
    token: tokenFile === null ? null : { kind: 'file', path: tokenFile },
    own: cert === null || key === null ? null : { certFile: cert, keyFile: key },
    folder,
  };
}

function trustedCa(file: string | null, sha256: string | null): TrustedCa {
  if (file !== null) return { kind: 'file', path: file };
  return sha256 === null ? { kind: 'public' } : { kind: 'fingerprint', sha256 };
}

export interface SecurityValues {
  readonly insecure: boolean;
  readonly cert: string | null;
  readonly key: string | null;
  readonly ca: string | null;
  readonly certificateLife: number;
}

/**
 * null = plaintext, since --insecure says so or there is no folder to keep grants in. Throws a usage failure.
 * @param dataFolder of the aggregator; null = none
 */
export function aggregatorSecurity(values: SecurityValues, dataFolder: string | null): SecurityConfig | null {
  const { insecure, cert, key, ca, certificateLife } = values;
  requirePair(cert, key);
  if (cert !== null && dataFolder === null)
    throw usageFailure('--cert takes a folder for tokens and bans; leave out --data none');
  if (insecure || dataFolder === null) return null;
  return {
    folder: join(dataFolder, 'security'),
    certFile: cert,
    keyFile: key,
    caFile: ca,
    agentLifeMs: certificateLife,
  };
}

function requirePair(cert: string | null, key: string | null): void {
  if ((cert === null) === (key === null)) return;
  throw usageFailure('--cert and --key belong together: a certificate, and the key that it is of');
}
