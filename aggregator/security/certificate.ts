/**
 * X.509 certificates of version 3 (RFC 5280), written: those of a CA, of a server and of an agent, with what each needs and
 * nothing else. Node reads certificates and does not make them. Pure, but for the random serial number.
 *
 *     TBSCertificate ::= SEQUENCE {
 *       version [0], serialNumber INTEGER, signature, issuer Name, validity SEQUENCE { notBefore, notAfter },
 *       subject Name, subjectPublicKeyInfo, extensions [3] }
 */
import { createHash, type KeyObject, randomBytes, type X509Certificate } from 'node:crypto';
import { ipBytes, parseIp } from '../../model/ip.ts';
import { agentUri } from '../../wire/agent-uri.ts';
import { DerReader } from '../../wire/x509/der-reader.ts';
import {
  derBitString,
  derBoolean,
  derImplicit,
  derInteger,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derTagged,
  derTags,
  derTime,
} from '../../wire/x509/der-writer.ts';
import {
  distinguishedName,
  type KeyPair,
  publicKeyDer,
  signatureAlgorithm,
  signed,
} from '../../wire/x509/signing.ts';

/** Of unix milliseconds; both ends count as inside, to the second. */
export interface Validity {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Who signs. */
export interface Issuer {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

/** DER of a CA's certificate, signed by itself; it signs certificates of servers and agents and no further CA's. */
export function caCertificate(keys: KeyPair, commonName: string, validity: Validity): Buffer {
  const name = distinguishedName(commonName);
  const extensions = [
    critical(oids.basicConstraints, derSequence(derBoolean(true), derInteger(Buffer.from([0])))),
    critical(oids.keyUsage, keyUsage.signCertificates),
    extension(oids.subjectKey, derOctetString(keyId(keys.publicKey))),
  ];
  const part = toBeSigned({ issuer: name, subject: name, key: keys.publicKey, validity, extensions });
  return signed(part, keys.privateKey);
}

/** DER. @param names host names and addresses under which the server is reached */
export function serverCertificate(
  issuer: Issuer,
  key: KeyObject,
  names: readonly string[],
  validity: Validity,
): Buffer {
  return leaf(issuer, key, {
    commonName: names[0] ?? 'whotalks',
    purpose: oids.serverAuth,
    altNames: names.map(generalName),
    validity,
  });
}

/** DER. Whoever has it and its key speaks for the host `hostId`. */
export function agentCertificate(issuer: Issuer, key: KeyObject, hostId: string, validity: Validity): Buffer {
  return leaf(issuer, key, {
    commonName: hostId,
    purpose: oids.clientAuth,
    altNames: [derImplicit(6, Buffer.from(agentUri(hostId), 'latin1'))],
    validity,
  });
}

interface Leaf {
  readonly commonName: string;
  readonly purpose: string;
  readonly altNames: readonly Buffer[];
  readonly validity: Validity;
}

function leaf(issuer: Issuer, key: KeyObject, { commonName, purpose, altNames, validity }: Leaf): Buffer {
  const issuerKeyId = derSequence(derImplicit(0, keyId(issuer.certificate.publicKey)));
  const extensions = [
    critical(oids.basicConstraints, derSequence()),
    critical(oids.keyUsage, keyUsage.signMessages),
    extension(oids.extendedKeyUsage, derSequence(derObjectIdentifier(purpose))),
    extension(oids.subjectAltName, derSequence(...altNames)),
    extension(oids.subjectKey, derOctetString(keyId(key))),
    extension(oids.authorityKey, issuerKeyId),
  ];
  const names = { issuer: subjectOf(issuer.certificate), subject: distinguishedName(commonName) };
  return signed(toBeSigned({ ...names, key, validity, extensions }), issuer.key);
}

const oids = {
  subjectKey: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKey: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

/** Named bits, the first one highest: digitalSignature is bit 0, keyCertSign 5, cRLSign 6. */
const keyUsage = {
  signMessages: derBitString(Buffer.from([0b1000_0000]), 7),
  signCertificates: derBitString(Buffer.from([0b0000_0110]), 1),
} as const;

function extension(oid: string, value: Buffer): Buffer {
  return derSequence(derObjectIdentifier(oid), derOctetString(value));
}

/** Whoever does not know it must refuse the certificate. */
function critical(oid: string, value: Buffer): Buffer {
  return derSequence(derObjectIdentifier(oid), derBoolean(true), derOctetString(value));
}

interface ToBeSigned {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly key: KeyObject;
  readonly validity: Validity;
  readonly extensions: readonly Buffer[];
}

function toBeSigned({ issuer, subject, key, validity, extensions }: ToBeSigned): Buffer {
  return derSequence(
    derTagged(0, derInteger(Buffer.from([2]))),
    derInteger(randomSerial()),
    signatureAlgorithm,
    issuer,
    derSequence(derTime(validity.fromMs), derTime(validity.untilMs)),
    subject,
    publicKeyDer(key),
    derTagged(3, derSequence(...extensions)),
  );
}

/** 126 random bits behind a 1: a number that is not negative, never 0, and always of one length. */
function randomSerial(): Buffer {
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  return serial;
}

/** RFC 5280, 4.2.1.2, method 1: SHA-1 of the bits of the public key. A name, and no protection. */
function keyId(key: KeyObject): Buffer {
  const spki = new DerReader(new DerReader(publicKeyDer(key)).take(derTags.sequence, 'public key').content);
  spki.take(derTags.sequence, 'algorithm');
  const bits = spki.take(derTags.bitString, 'key bits').content.subarray(1);
  return createHash('sha1').update(bits).digest();
}

/** The subject's name as it stands in the certificate: issuers are compared byte by byte. */
function subjectOf(certificate: X509Certificate): Buffer {
  const outer = new DerReader(certificate.raw).take(derTags.sequence, 'certificate');
  const part = new DerReader(new DerReader(outer.content).take(derTags.sequence, 'to be signed').content);
  part.take(0xa0, 'version');
  part.take(derTags.integer, 'serial number');
  for (const what of ['signature', 'issuer', 'validity']) part.take(derTags.sequence, what);
  return part.take(derTags.sequence, 'subject').whole;
}

/** [7] for an address, [2] for a host name. */
function generalName(name: string): Buffer {
  const ip = parseIp(name);
  return ip === null ? derImplicit(2, Buffer.from(name, 'latin1')) : derImplicit(7, Buffer.from(ipBytes(ip)));
}
