/**
 * PKCS #10 (RFC 2986): how an agent asks for a certificate. It carries the public key, and a signature that proves whoever asks
 * to have the private one. Nothing else of it counts: whose certificate it will be is decided by what the asker proved.
 *
 *     CertificationRequest ::= SEQUENCE {
 *       certificationRequestInfo  SEQUENCE { version INTEGER, subject Name, subjectPKInfo, attributes [0] },
 *       signatureAlgorithm        SEQUENCE,
 *       signature                 BIT STRING }
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { DerError, DerReader } from './der-reader.ts';
import { derInteger, derSequence, derTagged, derTags } from './der-writer.ts';
import { distinguishedName, type KeyPair, publicKeyDer, signatureAlgorithm, signed } from './signing.ts';

/** Largest request that is read; one of whotalks has some 250 bytes. */
export const requestBytesMax = 4096;

/** A request that is none, or that does not prove its key. The message is one line. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
}

/** DER. @param commonName for whoever looks at it */
export function encodeRequest(keys: KeyPair, commonName: string): Buffer {
  const part = derSequence(
    derInteger(Buffer.from([0])),
    distinguishedName(commonName),
    publicKeyDer(keys.publicKey),
    derTagged(0),
  );
  return signed(part, keys.privateKey);
}

/** @returns the key that the request is for and that signed it. Throws RequestError. */
export function parseRequest(der: Buffer): KeyObject {
  if (der.length > requestBytesMax) {
    throw new RequestError(
      `a certificate request of ${der.length} bytes; at most ${requestBytesMax} are read`,
    );
  }
  try {
    return readKey(der);
  } catch (error) {
    if (error instanceof DerError) throw new RequestError(`not a certificate request: ${error.message}`);
    throw error;
  }
}

function readKey(der: Buffer): KeyObject {
  const outer = new DerReader(der);
  const request = new DerReader(outer.take(derTags.sequence, 'request').content);
  outer.end('request');
  const part = request.take(derTags.sequence, 'request info');
  const algorithm = request.take(derTags.sequence, 'signature algorithm');
  const signature = request.take(derTags.bitString, 'signature').content;
  request.end('request');
  if (!algorithm.whole.equals(signatureAlgorithm)) {
    throw new RequestError('a certificate request must be signed by ECDSA with SHA-256');
  }
  const fields = new DerReader(part.content);
  fields.take(derTags.integer, 'version');
  fields.take(derTags.sequence, 'subject');
  const key = readPublicKey(fields.take(derTags.sequence, 'public key').whole);
  // The first byte of a bit string counts the unused bits of its last one.
  if (signature[0] !== 0 || !isSignedBy(key, part.whole, signature.subarray(1))) {
    throw new RequestError('a certificate request must be signed with the key that it is for');
  }
  return key;
}

function readPublicKey(der: Buffer): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    throw new RequestError('the public key of a certificate request cannot be read');
  }
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  throw new RequestError('the key of a certificate request must be on the curve P-256');
}

function isSignedBy(key: KeyObject, part: Buffer, signature: Buffer): boolean {
  try {
    return verify('sha256', part, key, signature);
  } catch {
    return false;
  }
}
