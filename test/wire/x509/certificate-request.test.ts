/** Requests for certificates: what an agent writes is read again, and what anybody else writes is refused in one line. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { encodeRequest, parseRequest, RequestError } from '../../../wire/x509/certificate-request.ts';
import { decodePem, encodePem } from '../../../wire/x509/pem.ts';
import { makeKeyPair, publicKeyDer, signed } from '../../../wire/x509/signing.ts';
import { fc } from '../../support/random-cases.ts';

/** `openssl req -new -subj /O=Example/CN=web-7`, and the public key that it was made with. */
const fromOpenssl = Buffer.from(
  [
    'MIHeMIGEAgEAMCIxEDAOBgNVBAoMB0V4YW1wbGUxDjAMBgNVBAMMBXdlYi03MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE',
    'S7V7LV40VOVrEp9GN1mO6OVYRY2P9P5MCQjUGT+va770KjTqRL4GaYY9E46mebkzOLGoYcpwe8reyz7DKRlAb6AAMAoGCCqG',
    'SM49BAMCA0kAMEYCIQCSeBe9f28trHRCvjtMbXLBUrDo62llmC7OFmCd+LkDJwIhAMkRzZrLLf8lbZppggV9RdAlEsTRs5WE',
    'sqsMfa2sgtwf',
  ].join(''),
  'base64',
);
const keyOfOpenssl = [
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAES7V7LV40VOVrEp9GN1mO6OVYRY2P9P5MCQjUGT+va770KjTqRL4GaYY9E46m',
  'ebkzOLGoYcpwe8reyz7DKRlAbw==',
].join('');

test('the key of a request is the one that it was made with', async () => {
  const keys = await makeKeyPair();
  const key = parseRequest(encodeRequest(keys, 'host ✓'));
  expect(publicKeyDer(key)).toEqual(publicKeyDer(keys.publicKey));
});

test('a request that OpenSSL made is read', () => {
  expect(publicKeyDer(parseRequest(fromOpenssl)).toString('base64')).toBe(keyOfOpenssl);
});

test('what was changed anywhere is refused', async () => {
  const der = encodeRequest(await makeKeyPair(), 'web-7');
  const changes = fc.tuple(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }));
  fc.assert(
    fc.property(changes, ([at, by]) => {
      const changed = Buffer.from(der);
      changed[at] = changed[at]! ^ by;
      expect(() => parseRequest(changed)).toThrow(RequestError);
    }),
    { numRuns: 300 },
  );
});

test('bytes of any kind are refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(() => parseRequest(Buffer.from(bytes))).toThrow(RequestError);
    }),
    { numRuns: 300 },
  );
});

test.each([
  ['nothing', Buffer.alloc(0), 'not a certificate request: request: ends in the middle of an element'],
  [
    'text',
    Buffer.from('hello'),
    'not a certificate request: request: expected tag 0x30 at byte 0, found 0x68',
  ],
  [
    'a length beyond the end',
    Buffer.from([0x30, 0x05, 0]),
    'not a certificate request: request: ends before its 5 bytes',
  ],
  [
    'a length in too many bytes',
    Buffer.from([0x30, 0x81, 0x01, 0]),
    'not a certificate request: request: its length has more bytes than it needs',
  ],
  [
    'a length without end',
    Buffer.from([0x30, 0x80, 0, 0]),
    'not a certificate request: request: its length has 0 bytes',
  ],
  ['too much', Buffer.alloc(5000), 'a certificate request of 5000 bytes; at most 4096 are read'],
])('%s: says what is wrong', (_, bytes, message) => {
  expect(() => parseRequest(bytes)).toThrow(new RequestError(message));
});

test('bytes behind a request are refused', async () => {
  const der = encodeRequest(await makeKeyPair(), 'web-7');
  expect(() => parseRequest(Buffer.concat([der, Buffer.from([0])]))).toThrow(
    'not a certificate request: request: 1 bytes behind its end',
  );
});

test('a request that another key signed is refused', async () => {
  const [own, other] = [await makeKeyPair(), await makeKeyPair()];
  const forged = encodeRequest({ publicKey: own.publicKey, privateKey: other.privateKey }, 'web-7');
  expect(() => parseRequest(forged)).toThrow('must be signed with the key that it is for');
});

test('a key on another curve is refused', () => {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  expect(() => parseRequest(encodeRequest(keys, 'web-7'))).toThrow('must be on the curve P-256');
});

test('PEM is read as it was written, with whatever stands around it', () => {
  const text = `before\n${encodePem('CERTIFICATE', Buffer.alloc(100, 7))}between\n${encodePem('CERTIFICATE', Buffer.from('b'))}`;
  expect(decodePem('CERTIFICATE', text)).toEqual([Buffer.alloc(100, 7), Buffer.from('b')]);
  expect(decodePem('PRIVATE KEY', text)).toEqual([]);
});

test('what is signed can be read by Node', async () => {
  const { publicKey, privateKey } = await makeKeyPair();
  expect(signed(Buffer.from([0x30, 0]), privateKey)[0]).toBe(0x30);
  expect(createPublicKey(privateKey).equals(publicKey)).toBe(true);
});
