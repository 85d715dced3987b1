/**
 * The certificate of this host and its key, as they lie in the agent's folder: one file of mode 0600, so that the two always
 * belong to each other. A key that was made and has no certificate yet lies beside it: when the answer to a request got lost,
 * it is asked for again with the same key.
 *
 *     identity.pem   key, certificate, CA      joining.pem   key
 */
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { hostIdOfAltNames } from '../../wire/agent-uri.ts';
import { decodePem, encodePem } from '../../wire/x509/pem.ts';
import { type KeyPair, privateKeyPem } from '../../wire/x509/signing.ts';

export interface KeptIdentity {
  readonly hostId: string;
  /** PEM: what TLS wants of it. */
  readonly key: string;
  readonly chain: string;
  /** Unix milliseconds. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** null where there is none, or none that can be used: then the host enrols anew. Throws what the file system throws otherwise. */
export function readIdentity(folder: string): KeptIdentity | null {
  const text = readIfThere(identityPath(folder));
  if (text === null) return null;
  const privateKey = parseKey(text);
  return privateKey === null ? null : parseIdentity({ privateKey }, decodePem('CERTIFICATE', text));
}

/** @param chain DER, the host's own first @returns null where that is no agent's certificate for this key */
export function parseIdentity(
  { privateKey: key }: Pick<KeyPair, 'privateKey'>,
  chain: readonly Buffer[],
): KeptIdentity | null {
  try {
    const certificate = new X509Certificate(chain[0] ?? Buffer.alloc(0));
    const hostId = hostIdOfAltNames(certificate.subjectAltName);
    if (hostId === null || !certificate.checkPrivateKey(key)) return null;
    return {
      hostId,
      key: privateKeyPem(key),
      chain: chain.map((der) => encodePem('CERTIFICATE', der)).join(''),
      fromMs: Date.parse(certificate.validFrom),
      untilMs: Date.parse(certificate.validTo),
    };
  } catch {
    return null;
  }
}

/** In place of what was there, and of the key that waited. Throws what the file system throws. */
export function writeIdentity(folder: string, { privateKey }: KeyPair, chain: readonly Buffer[]): void {
  const certificates = chain.map((der) => encodePem('CERTIFICATE', der)).join('');
  replacePrivately(identityPath(folder), privateKeyPem(privateKey) + certificates);
  rmSync(joiningPath(folder), { force: true });
}

export function readJoiningKey(folder: string): KeyPair | null {
  const privateKey = parseKey(readIfThere(joiningPath(folder)) ?? '');
  return privateKey === null ? null : { privateKey, publicKey: createPublicKey(privateKey) };
}

/** Throws what the file system throws. */
export function writeJoiningKey(folder: string, keys: KeyPair): void {
  replacePrivately(joiningPath(folder), privateKeyPem(keys.privateKey));
}

function parseKey(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    return null;
  }
}

function identityPath(folder: string): string {
  return join(folder, 'identity.pem');
}

function joiningPath(folder: string): string {
  return join(folder, 'joining.pem');
}

function replacePrivately(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const aside = `${path}.new`;
  rmSync(aside, { force: true });
  writeFileSync(aside, text, { mode: 0o600, flag: 'wx', flush: true });
  chmodSync(aside, 0o600);
  renameSync(aside, path);
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}
