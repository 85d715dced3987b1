/** Certificates as Node and OpenSSL read them: names, purpose, times, and who signed. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Authority,
  AuthorityError,
  createAuthority,
  readAuthority,
} from '../../../aggregator/security/authority.ts';
import { agentUri, hostIdOfAltNames } from '../../../wire/agent-uri.ts';
import { decodePem } from '../../../wire/x509/pem.ts';
import { makeKeyPair } from '../../../wire/x509/signing.ts';
import { fc } from '../../support/random-cases.ts';

const nowMs = Date.UTC(2026, 10, 23, 9, 0, 0, 700);
const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000];

let folder: string;
let authority: Authority;

beforeAll(async () => {
  folder = join(mkdtempSync(join(tmpdir(), 'whotalks-ca-')), 'security');
  authority = await createAuthority(folder, ['map.example.net', '10.0.0.5', 'fd00::5'], nowMs);
});
afterAll(() => rmSync(join(folder, '..'), { recursive: true }));

test('the CA is a CA of P-256 for ten years, and signs itself', () => {
  const { certificate } = authority;
  expect(certificate.ca).toBe(true);
  expect(certificate.subject).toMatch(/^CN=whotalks CA [0-9a-f]{8}$/);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  // To the second, five minutes back; ten years ahead it is written in the other form of times.
  expect(certificate.validFrom).toBe('Nov 23 08:55:00 2026 GMT');
  expect(certificate.validTo).toBe('Nov 20 09:00:00 2036 GMT');
});

test('times from 2050 on are read too', async () => {
  const late = await createAuthority(join(folder, 'late'), [], Date.UTC(2045, 0, 1));
  expect(late.certificate.validTo).toBe('Dec 30 00:00:00 2054 GMT');
});

test('all of it is for its user alone', () => {
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  const modes = readdirSync(folder, { withFileTypes: true })
    .filter((file) => file.isFile())
    .map(({ name }) => [name, statSync(join(folder, name)).mode & 0o777]);
  expect(modes).toEqual([
    ['ca.crt', 0o600],
    ['ca.key', 0o600],
    ['names', 0o600],
  ]);
});

test('what was made is read again', () => {
  const again = readAuthority(folder)!;
  expect(again.fingerprint).toBe(authority.fingerprint);
  expect(again.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  expect(again.names).toEqual(['map.example.net', '10.0.0.5', 'fd00::5']);
});

test('the server has its names and addresses, and is no client', async () => {
  const { cert, untilMs } = await authority.issueServer(['localhost', '10.0.0.5'], nowMs);
  const [server, ca] = decodePem('CERTIFICATE', cert).map((der) => new X509Certificate(der));
  expect(ca!.fingerprint256).toBe(authority.certificate.fingerprint256);
  expect(server!.checkIssued(ca!)).toBe(true);
  expect(server!.verify(ca!.publicKey)).toBe(true);
  expect(server!.subjectAltName).toBe(
    'DNS:map.example.net, IP Address:10.0.0.5, IP Address:FD00:0:0:0:0:0:0:5, DNS:localhost',
  );
  expect(server!.checkHost('map.example.net')).toBe('map.example.net');
  expect(server!.checkIP('fd00::5')).toBe('fd00::5');
  expect(server!.checkHost('other.example.net')).toBeUndefined();
  expect(server!.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(untilMs).toBe(nowMs + 30 * dayMs);
});

test('an agent is the host of its id, and no server and no CA', async () => {
  const { publicKey } = await makeKeyPair();
  const { chain, serial, untilMs } = authority.issueAgent('web-7', publicKey, 24 * hourMs, nowMs);
  const agent = new X509Certificate(chain[0]!);
  expect(hostIdOfAltNames(agent.subjectAltName)).toBe('web-7');
  expect(agent.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
  expect(agent.ca).toBe(false);
  expect(agent.checkIssued(authority.certificate) && agent.verify(authority.certificate.publicKey)).toBe(
    true,
  );
  expect(agent.serialNumber.toLowerCase()).toBe(serial);
  expect(serial).toHaveLength(32);
  expect(untilMs).toBe(nowMs + 24 * hourMs);
  expect(Date.parse(agent.validFrom)).toBe(Math.floor((nowMs - 5 * minuteMs) / 1000) * 1000);
});

test('no certificate is good for longer than the CA', async () => {
  const { publicKey } = await makeKeyPair();
  const lateMs = authority.untilMs - hourMs;
  expect(authority.issueAgent('web-7', publicKey, 24 * hourMs, lateMs).untilMs).toBe(authority.untilMs);
});

test('host ids of any letters come back as they were', async () => {
  const { publicKey } = await makeKeyPair();
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }), (hostId) => {
      const { chain } = authority.issueAgent(hostId, publicKey, hourMs, nowMs);
      expect(hostIdOfAltNames(new X509Certificate(chain[0]!).subjectAltName)).toBe(hostId);
    }),
    { numRuns: 60 },
  );
});

describe('names of which no host id follows', () => {
  test.each([
    ['none', undefined],
    ['another URI', 'URI:https://example.net/agent/web-7'],
    ['no id', 'URI:whotalks://agent/'],
    ['two hosts', `URI:${agentUri('a')}, URI:${agentUri('b')}`],
    ['an escape that is none', 'URI:whotalks://agent/%zz'],
    ['an escape that needs none', 'URI:whotalks://agent/%61'],
    ['a name in quotes', 'DNS:"x, URI:whotalks://agent/web-7"'],
  ])('%s', (_, altNames) => {
    expect(hostIdOfAltNames(altNames)).toBeNull();
  });
});

describe('a CA that cannot be used', () => {
  test('half of one', async () => {
    const half = join(folder, 'half');
    await createAuthority(half, [], nowMs);
    rmSync(join(half, 'ca.key'));
    expect(() => readAuthority(half)).toThrow(
      new AuthorityError(
        `${half} has ca.crt and no ca.key: put it back, or remove both and run "whotalks ca init"`,
      ),
    );
  });

  test('two halves of different ones', async () => {
    const mixed = join(folder, 'mixed');
    await createAuthority(mixed, [], nowMs);
    writeFileSync(join(mixed, 'ca.crt'), authority.pem);
    expect(() => readAuthority(mixed)).toThrow(`${mixed}: ca.key is not the key of ca.crt`);
  });

  test('what is none', async () => {
    const broken = join(folder, 'broken');
    await createAuthority(broken, [], nowMs);
    writeFileSync(join(broken, 'ca.crt'), 'hello');
    expect(() => readAuthority(broken)).toThrow(`${broken}: ca.crt or ca.key cannot be read`);
  });

  test('none at all is no error', () => {
    expect(readAuthority(join(folder, 'nowhere'))).toBeNull();
  });

  test('a second one is not made', async () => {
    await expect(createAuthority(folder, [], nowMs)).rejects.toThrow('EEXIST');
    expect(readAuthority(folder)!.fingerprint).toBe(authority.fingerprint);
  });
});
