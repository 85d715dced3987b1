/**
 * The CA of one fleet: a key and a certificate in the data folder, the names of the server, and what the CA signs. The key of the
 * server is made at every start and kept nowhere.
 *
 *     DATA/security/            0700, everything in it 0600
 *       ca.key  ca.crt          the CA; ca.crt goes to the agents
 *       names                   names and addresses of the server beside those of the machine, one a line
 *       grants.jsonl            tokens, bans, certified hosts (grants.ts)
 */
import { createPrivateKey, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodePem, encodePem } from '../../wire/x509/pem.ts';
import { makeKeyPair, privateKeyPem } from '../../wire/x509/signing.ts';
import { agentCertificate, caCertificate, type Issuer, serverCertificate } from './certificate.ts';
import { backdatedMs, caLifeMs, serverLifeMs } from './lives.ts';

/** A CA that is there and cannot be used; the message is one line. */
export class AuthorityError extends Error {
  override readonly name = 'AuthorityError';
}

export interface Identified {
  readonly chain: readonly Buffer[];
  readonly serial: string;
  readonly untilMs: number;
}

/** PEM, as TLS takes them. */
export interface ServerIdentity {
  readonly key: string;
  readonly cert: string;
  readonly untilMs: number;
}

export class Authority {
  readonly #issuer: Issuer;
  /** Of the server, as the operator named them. */
  readonly names: readonly string[];

  constructor(issuer: Issuer, names: readonly string[]) {
    this.#issuer = issuer;
    this.names = names;
  }

  get certificate(): X509Certificate {
    return this.#issuer.certificate;
  }

  get pem(): string {
    return encodePem('CERTIFICATE', this.certificate.raw);
  }

  /** SHA-256 of the certificate, hexadecimal in lower case. */
  get fingerprint(): string {
    return fingerprintOf(this.certificate);
  }

  get untilMs(): number {
    return Date.parse(this.certificate.validTo);
  }

  /** A certificate for the agent of `hostId`; never good for longer than the CA. */
  issueAgent(hostId: string, key: KeyObject, lifeMs: number, nowMs: number): Identified {
    const untilMs = Math.min(nowMs + lifeMs, this.untilMs);
    const der = agentCertificate(this.#issuer, key, hostId, { fromMs: nowMs - backdatedMs, untilMs });
    const serial = new X509Certificate(der).serialNumber.toLowerCase();
    return { chain: [der, this.certificate.raw], serial, untilMs };
  }

  /** A new key with a certificate for the names of the server. @param ownNames further ones, which the machine has by itself */
  async issueServer(ownNames: readonly string[], nowMs: number): Promise<ServerIdentity> {
    const { publicKey, privateKey } = await makeKeyPair();
    const untilMs = Math.min(nowMs + serverLifeMs, this.untilMs);
    const validity = { fromMs: nowMs - backdatedMs, untilMs };
    const names = [...new Set([...this.names, ...ownNames])];
    const der = serverCertificate(this.#issuer, publicKey, names, validity);
    return { key: privateKeyPem(privateKey), cert: encodePem('CERTIFICATE', der) + this.pem, untilMs };
  }
}

export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

/** Where everything of security stands in the data folder. */
export function securityFolder(dataFolder: string): string {
  return join(dataFolder, 'security');
}

export function grantsPath(folder: string): string {
  return join(folder, 'grants.jsonl');
}

/** null where there is no CA. Throws AuthorityError when there is half of one, or what cannot be read. */
export function readAuthority(folder: string): Authority | null {
  const key = readIfThere(join(folder, 'ca.key'));
  const pem = readIfThere(join(folder, 'ca.crt'));
  if (key === null && pem === null) return null;
  if (key === null || pem === null) {
    const [missing, there] = key === null ? ['ca.key', 'ca.crt'] : ['ca.crt', 'ca.key'];
    throw new AuthorityError(
      `${folder} has ${there} and no ${missing}: put it back, or remove both and run "whotalks ca init"`,
    );
  }
  const names = (readIfThere(join(folder, 'names')) ?? '').split('\n').filter((name) => name !== '');
  return new Authority(parseIssuer(folder, key, pem), names);
}

function parseIssuer(folder: string, keyText: string, certificateText: string): Issuer {
  const [der] = decodePem('CERTIFICATE', certificateText);
  try {
    const certificate = new X509Certificate(der ?? Buffer.alloc(0));
    const key = createPrivateKey(keyText);
    if (certificate.checkPrivateKey(key)) return { certificate, key };
  } catch {
    throw new AuthorityError(
      `${folder}: ca.crt or ca.key cannot be read: put back what "whotalks ca init" made`,
    );
  }
  throw new AuthorityError(
    `${folder}: ca.key is not the key of ca.crt: put back what "whotalks ca init" made`,
  );
}

/** Makes the CA of a data folder that has none. Throws AuthorityError, and what the file system throws. */
export async function createAuthority(
  folder: string,
  names: readonly string[],
  nowMs: number,
): Promise<Authority> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const keys = await makeKeyPair();
  const validity = { fromMs: nowMs - backdatedMs, untilMs: nowMs + caLifeMs };
  const der = caCertificate(keys, `whotalks CA ${randomBytes(4).toString('hex')}`, validity);
  writePrivately(join(folder, 'names'), `${names.join('\n')}\n`, 'w');
  // Whoever comes second at the same time finds the key, and makes no CA.
  writePrivately(join(folder, 'ca.key'), privateKeyPem(keys.privateKey), 'wx');
  try {
    writePrivately(join(folder, 'ca.crt'), encodePem('CERTIFICATE', der), 'wx');
  } catch (error) {
    rmSync(join(folder, 'ca.key'));
    throw error;
  }
  return new Authority({ certificate: new X509Certificate(der), key: keys.privateKey }, names);
}

function writePrivately(path: string, text: string, flag: 'w' | 'wx'): void {
  writeFileSync(path, text, { mode: 0o600, flag, flush: true });
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new AuthorityError(
      `${path} cannot be read: ${code ?? String(error)}; it is for the user of the aggregator alone`,
    );
  }
}
