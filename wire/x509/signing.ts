/**
 * The one way in which whotalks signs certificates and requests: ECDSA on P-256 with SHA-256 (RFC 5758), and the name that
 * both have, a common name alone. Whoever reads one accepts nothing else.
 */
import { generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { derBitString, derObjectIdentifier, derSequence, derSet, derUtf8String } from './der-writer.ts';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export function makeKeyPair(): Promise<KeyPair> {
  return promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
}

/** PKCS #8. */
export function privateKeyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** SubjectPublicKeyInfo. */
export function publicKeyDer(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

/** ecdsa-with-SHA256. */
export const signatureAlgorithm = derSequence(derObjectIdentifier('1.2.840.10045.4.3.2'));

/** What certificates and requests are in the end: the part that is signed, how, and the signature of it. */
export function signed(part: Buffer, key: KeyObject): Buffer {
  return derSequence(part, signatureAlgorithm, derBitString(sign('sha256', part, key)));
}

/** X.520: at most 64 letters. */
const commonNameLettersMax = 64;

/** A name of one part, cut where it is too long: nothing is decided by it. */
export function distinguishedName(commonName: string): Buffer {
  const text = derUtf8String(Array.from(commonName).slice(0, commonNameLettersMax).join(''));
  return derSequence(derSet(derSequence(derObjectIdentifier('2.5.4.3'), text)));
}
