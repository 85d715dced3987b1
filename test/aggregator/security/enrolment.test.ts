/** Who gets a certificate for which host: one decision after the other, on a real file of grants. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AuditEvent } from '../../../aggregator/security/audit.ts';
import { createAuthority, grantsPath } from '../../../aggregator/security/authority.ts';
import { Enrolment, EnrolmentError } from '../../../aggregator/security/enrolment.ts';
import { GrantsFile } from '../../../aggregator/security/grants-file.ts';
import type { Identity } from '../../../aggregator/security/identity.ts';
import { GrantProofs } from '../../../aggregator/security/proofs.ts';
import { createToken } from '../../../aggregator/security/tokens.ts';
import { hostIdOfAltNames } from '../../../wire/agent-uri.ts';
import { encodeRequest } from '../../../wire/x509/certificate-request.ts';
import { makeKeyPair } from '../../../wire/x509/signing.ts';

const lifeMs = 86_400_000;
const peer = '10.1.17.138:40001';

let folder: string;
let grants: GrantsFile;
let enrolment: Enrolment;
let proofs: GrantProofs;
let audited: AuditEvent[];
let nowMs: number;

beforeEach(async () => {
  nowMs = Date.UTC(2026, 10, 23);
  folder = mkdtempSync(join(tmpdir(), 'whotalks-enrol-'));
  const authority = await createAuthority(folder, [], nowMs);
  grants = new GrantsFile(grantsPath(folder));
  audited = [];
  const audit = (event: AuditEvent): void => void audited.push(event);
  const clock = (): number => nowMs;
  enrolment = new Enrolment({ authority, grants, audit, lifeMs, clock });
  proofs = new GrantProofs({ grants, audit, clock });
});
afterEach(() => rmSync(folder, { recursive: true }));

function joinToken(host: string | null = null): string {
  const token = { name: 'join', grants: { kind: 'join', host }, lifeMs: 600_000 } as const;
  return createToken(grants, token, nowMs).secret;
}

async function request(hostId = 'web-7'): Promise<Buffer> {
  return encodeRequest(await makeKeyPair(), hostId);
}

/** What the agent is told, and that the audit log is told the same. */
function refusal(attempt: () => unknown): string {
  const before = audited.length;
  try {
    attempt();
  } catch (error) {
    if (!(error instanceof EnrolmentError)) throw error;
    expect(audited.slice(before).map(({ kind, peer: from, detail }) => [kind, from, detail])).toEqual([
      ['refused', peer, error.message],
    ]);
    return error.message;
  }
  throw new Error('it was not refused');
}

describe('a join token', () => {
  test('makes a host of its id', async () => {
    const { chain, lifeMs: life } = enrolment.join(
      { token: joinToken(), hostId: 'web-7', request: await request() },
      peer,
    );
    expect(hostIdOfAltNames(new X509Certificate(chain[0]!).subjectAltName)).toBe('web-7');
    expect(chain).toHaveLength(2);
    expect(life).toBe(lifeMs);
    expect(audited).toMatchObject([{ kind: 'enrolled', subject: 'host web-7', peer }]);
  });

  test('is good once, also for two that come at once', async () => {
    const token = joinToken();
    enrolment.join({ token, hostId: 'web-7', request: await request() }, peer);
    const second = await request('web-8');
    expect(refusal(() => enrolment.join({ token, hostId: 'web-8', request: second }, peer))).toMatch(
      /^join token [0-9a-f]{8} was used by host web-7 at 2026-11-23T00:00:00Z, and is good for one host$/,
    );
  });

  test('is good again for the same key: the answer may have been lost', async () => {
    const asked = { token: joinToken(), hostId: 'web-7', request: await request() };
    enrolment.join(asked, peer);
    expect(enrolment.join(asked, peer).chain).toHaveLength(2);
  });

  test('is not good after its time', async () => {
    const token = joinToken();
    nowMs += 600_000;
    const asked = await request();
    expect(refusal(() => enrolment.join({ token, hostId: 'web-7', request: asked }, peer))).toMatch(
      /^token [0-9a-f]{8} expired at 2026-11-23T00:10:00Z$/,
    );
  });

  test('for one host is not good for another', async () => {
    const token = joinToken('web-7');
    const asked = await request('web-8');
    expect(refusal(() => enrolment.join({ token, hostId: 'web-8', request: asked }, peer))).toMatch(
      /^join token [0-9a-f]{8} is for host web-7, not for web-8$/,
    );
    expect(enrolment.join({ token, hostId: 'web-7', request: await request() }, peer).chain).toHaveLength(2);
  });

  test('for any host is not good for one that has a certificate; one of its own is', async () => {
    enrolment.join({ token: joinToken(), hostId: 'web-7', request: await request() }, peer);
    const [token, asked] = [joinToken(), await request()];
    expect(refusal(() => enrolment.join({ token, hostId: 'web-7', request: asked }, peer))).toBe(
      'host web-7 has a certificate until 2026-11-24T00:00:00Z: ' +
        'enrol it anew with a token of its own, "whotalks token create --join --host web-7"',
    );
    enrolment.join({ token: joinToken('web-7'), hostId: 'web-7', request: await request() }, peer);
    nowMs += lifeMs;
    enrolment.join({ token: joinToken(), hostId: 'web-7', request: await request() }, peer);
  });

  test('is not used up by what is refused', async () => {
    const token = joinToken();
    const bad = Buffer.from('hello');
    expect(refusal(() => enrolment.join({ token, hostId: 'web-7', request: bad }, peer))).toMatch(
      /^not a certificate request: /,
    );
    expect(refusal(() => enrolment.join({ token, hostId: '', request: bad }, peer))).toBe(
      'a host id has 1 to 256 letters',
    );
    enrolment.join({ token, hostId: 'web-7', request: await request() }, peer);
  });
});

describe('a ban', () => {
  test('keeps a host from enrolling, from renewing and from coming back, until it is lifted', async () => {
    grants.append({ do: 'ban', host: 'web-7', atMs: nowMs });
    const banned = 'host web-7 is banned; "whotalks ca unban web-7" lets it in again';
    const agent: Identity = { kind: 'agent', hostId: 'web-7', serial: '1' };
    const [token, asked] = [joinToken(), await request()];
    expect(refusal(() => enrolment.join({ token, hostId: 'web-7', request: asked }, peer))).toBe(banned);
    expect(refusal(() => enrolment.renew(agent, asked, peer))).toBe(banned);
    expect(proofs.again(agent)).toEqual({ kind: 'anonymous', refused: banned });
    expect(proofs.faultOfAgent('web-7')).toBe(banned);
    grants.append({ do: 'unban', host: 'web-7', atMs: nowMs });
    expect(proofs.again(agent)).toEqual(agent);
    enrolment.join({ token, hostId: 'web-7', request: asked }, peer);
  });
});

describe('renewal', () => {
  test('is for the host of the certificate that is shown, with any key', async () => {
    const agent: Identity = { kind: 'agent', hostId: 'web-7', serial: 'ab' };
    const { chain } = enrolment.renew(agent, await request('something else'), peer);
    expect(hostIdOfAltNames(new X509Certificate(chain[0]!).subjectAltName)).toBe('web-7');
    expect(audited).toMatchObject([
      { kind: 'renewed', subject: 'host web-7', peer, detail: 'host web-7 renewed certificate ab' },
    ]);
  });

  test('is for nobody else', async () => {
    const asked = await request();
    expect(refusal(() => enrolment.renew({ kind: 'anonymous', refused: null }, asked, peer))).toBe(
      'only an agent with a certificate can renew it',
    );
    expect(refusal(() => enrolment.renew({ kind: 'anonymous', refused: 'it expired' }, asked, peer))).toBe(
      'it expired',
    );
    expect(refusal(() => enrolment.renew({ kind: 'local' }, asked, peer))).toMatch(/^only an agent/);
  });

  test('that does not come ends what the host may do', async () => {
    enrolment.join({ token: joinToken(), hostId: 'web-7', request: await request() }, peer);
    nowMs += lifeMs - 1;
    expect(proofs.faultOfAgent('web-7')).toBeNull();
    nowMs += 1;
    expect(proofs.faultOfAgent('web-7')).toBe(
      'its certificate expired at 2026-11-24T00:00:00Z: enrol the host anew with a join token',
    );
  });
});

test('the first use of a token is told, and no further one', () => {
  const reader = { name: 'ann', grants: { kind: 'roles', roles: ['read'] }, lifeMs: null } as const;
  const { secret, id } = createToken(grants, reader, nowMs);
  for (let i = 0; i < 3; i++) expect(proofs.ofToken(secret)).toMatchObject({ kind: 'bearer', tokenId: id });
  expect(audited).toEqual([
    {
      kind: 'token-first-used',
      subject: `token ${id} (ann)`,
      peer: null,
      detail: `token ${id} (ann) was shown for the first time`,
    },
  ]);
  grants.append({ do: 'revoke', id, atMs: nowMs });
  expect(proofs.again({ kind: 'bearer', tokenId: id, name: 'ann', roles: new Set(['read']) })).toEqual({
    kind: 'anonymous',
    refused: `token ${id} was revoked at 2026-11-23T00:00:00Z`,
  });
});
