/** How an agent comes to its certificate, keeps it and renews it: against a real door of TLS with a CA behind it. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AgentTls } from '../../../agent/config.ts';
import type { Connection } from '../../../agent/export/connection.ts';
import { judgeEnd } from '../../../agent/export/judge-end.ts';
import { AgentIdentity } from '../../../agent/identity/agent-identity.ts';
import { createAuthority } from '../../../aggregator/security/authority.ts';
import { realClock, realTimers } from '../../../model/timers.ts';
import { encodePem } from '../../../wire/x509/pem.ts';
import { makeKeyPair, privateKeyPem } from '../../../wire/x509/signing.ts';
import { EnrollingServer } from '../../support/enrolling-server.ts';

let server: EnrollingServer;
let folder: string;
let logged: string[];
let identities: AgentIdentity[];
let calls: Connection[];

beforeEach(async () => {
  server = await EnrollingServer.open();
  folder = mkdtempSync(join(tmpdir(), 'whotalks-identity-'));
  [logged, identities, calls] = [[], [], []];
});
afterEach(async () => {
  for (const call of calls) call.cancel();
  for (const identity of identities) identity.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

function identityFor(tls: Partial<AgentTls> = {}, at = server.address): AgentIdentity {
  const base: AgentTls = { isOnlyIfWanted: false, ca: fileOf(server.caFile), token: null, own: null, folder };
  const identity = new AgentIdentity({
    tls: { ...base, ...tls },
    server: at,
    clock: realClock,
    timers: realTimers,
    random: () => 0.5,
    log: pino({ base: null, timestamp: false }, { write: (line: string) => void logged.push(line) }),
  });
  identities.push(identity);
  return identity;
}

function fileOf(path: string): { kind: 'file'; path: string } {
  return { kind: 'file', path };
}

/** `connected`, or why not as the agent's log would say it. */
function dial(identity: AgentIdentity, hostId = 'web-7', at = server.address): Promise<string> {
  return new Promise((resolve) => {
    const call = identity.connectAs(hostId)(at, {
      connected: () => resolve('connected'),
      said: () => undefined,
      drained: () => undefined,
      failed: (why, refused) => resolve(`${refused ? 'refused' : 'failed'}: ${why}`),
      ended: (code, details) => {
        const { why, refused } = judgeEnd(code, details, at);
        resolve(`${refused ? 'refused' : 'failed'}: ${why}`);
      },
    });
    call.write(Buffer.alloc(0));
    calls.push(call);
  });
}

function identityMode(): number {
  return statSync(join(folder, 'web-7', 'identity.pem')).mode & 0o777;
}

describe('enrolment', () => {
  test('with a token, and from then on without', async () => {
    const token = fileOf(server.joinToken());
    expect(await dial(identityFor({ token }))).toBe('connected');
    expect(server.streams).toMatchObject([{ kind: 'agent', hostId: 'web-7' }]);
    expect(identityMode()).toBe(0o600);
    // Restarted, with the token still where it was, and without it.
    expect(await dial(identityFor({ token }))).toBe('connected');
    rmSync(token.path);
    expect(await dial(identityFor({ token }))).toBe('connected');
    expect(server.streams).toEqual([server.streams[0], server.streams[0], server.streams[0]]);
    expect(server.audited.map(({ kind }) => kind)).toEqual(['enrolled']);
  });

  test('by the fingerprint of the CA alone', async () => {
    const ca = { kind: 'fingerprint', sha256: server.authority.fingerprint.toUpperCase() } as const;
    const pinned = { ca, token: fileOf(server.joinToken()) };
    expect(await dial(identityFor(pinned))).toBe('connected');
  });

  test("with an operator's own certificate there is none", async () => {
    const { publicKey, privateKey } = await makeKeyPair();
    const { chain } = server.authority.issueAgent('web-9', publicKey, 60_000, Date.now());
    const [certFile, keyFile] = [join(folder, 'own.crt'), join(folder, 'own.key')];
    writeFileSync(certFile, chain.map((der) => encodePem('CERTIFICATE', der)).join(''));
    writeFileSync(keyFile, privateKeyPem(privateKey));
    expect(await dial(identityFor({ own: { certFile, keyFile } }), 'web-9')).toBe('connected');
    expect(server.streams).toMatchObject([{ kind: 'agent', hostId: 'web-9' }]);
    expect(server.audited).toEqual([]);
  });

  test('a folder that cannot be written costs the next start, and says so', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(await dial(identityFor({ token: fileOf(server.joinToken()), folder: join(file, 'below') }))).toBe(
      'connected',
    );
    expect(logged.join('')).toContain(
      'the certificate of this host cannot be kept, and is gone with a restart',
    );
  });

  test('another host id is another host', async () => {
    await dial(identityFor({ token: fileOf(server.joinToken()) }));
    expect(await dial(identityFor(), 'web-8')).toMatch(
      /^refused: this host \(web-8\) has no certificate yet: pass --token-file/,
    );
    expect(await dial(identityFor({ token: fileOf(server.joinToken()) }), 'web-8')).toBe('connected');
  });
});

describe('what is in the way is said in one line', () => {
  test('no token', async () => {
    expect(await dial(identityFor())).toBe(
      'refused: this host (web-7) has no certificate yet: pass --token-file FILE with a join token, which ' +
        '"whotalks token create --join" makes where the aggregator runs',
    );
  });

  test('no such file', async () => {
    expect(await dial(identityFor({ token: fileOf(`${folder}/nowhere`) }))).toBe(
      `refused: --token-file ${folder}/nowhere: ENOENT, and this host has no certificate yet`,
    );
    expect(await dial(identityFor({ ca: fileOf(`${folder}/nowhere`) }))).toBe(
      `refused: --ca ${folder}/nowhere: ENOENT`,
    );
  });

  test('a CA file with something else in it', async () => {
    const caFile = join(folder, 'ca');
    writeFileSync(caFile, 'hello');
    expect(await dial(identityFor({ ca: fileOf(caFile) }))).toBe(
      `refused: --ca ${caFile}: there is no certificate in it; it wants ca.crt of the aggregator`,
    );
  });

  test('a token that was used', async () => {
    const token = fileOf(server.joinToken());
    await dial(identityFor({ token }));
    rmSync(join(folder, 'web-7', 'identity.pem'));
    expect(await dial(identityFor({ token }), 'web-8')).toMatch(
      /^refused: 127\.0\.0\.1:\d+ refuses this agent: join token [0-9a-f]{8} was used by host web-7 at /,
    );
  });

  test('a token that expired', async () => {
    const token = fileOf(server.joinToken(null, 0));
    expect(await dial(identityFor({ token }))).toMatch(/ refuses this agent: token [0-9a-f]{8} expired at /);
  });

  test('the wrong CA', async () => {
    const { pem } = await createAuthority(join(folder, 'other'), [], Date.now());
    const caFile = join(folder, 'other.crt');
    writeFileSync(caFile, pem);
    expect(await dial(identityFor({ ca: fileOf(caFile), token: fileOf(server.joinToken()) }))).toBe(
      `failed: cannot reach ${server.address}: its certificate is of a CA that is not trusted here: ` +
        'pass --ca FILE with the ca.crt of the aggregator; trying again',
    );
  });

  test('the wrong fingerprint', async () => {
    const sha256 = '0'.repeat(64);
    expect(
      await dial(identityFor({ ca: { kind: 'fingerprint', sha256 }, token: fileOf(server.joinToken()) })),
    ).toBe(
      `refused: ${server.address} has no certificate of the CA ${sha256} (--ca-sha256), but of ` +
        `${server.authority.fingerprint}: it is another aggregator, or somebody in between`,
    );
  });

  test('a port where nobody is', async () => {
    // Below the ports that the kernel gives out.
    const at = '127.0.0.1:1';
    const token = fileOf(server.joinToken());
    expect(await dial(identityFor({ token }, at), 'web-7', at)).toBe(
      `failed: cannot reach ${at}: connection refused; trying again`,
    );
    const pinned = { ca: { kind: 'fingerprint', sha256: server.authority.fingerprint }, token } as const;
    expect(await dial(identityFor(pinned, at), 'web-7', at)).toBe(
      `failed: cannot reach ${at}: connection refused; trying again`,
    );
  });

  test('a ban, also of a certificate that is good', async () => {
    const identity = identityFor({ token: fileOf(server.joinToken()) });
    await dial(identity);
    server.grants.append({ do: 'ban', host: 'web-7', atMs: Date.now() });
    expect(await dial(identity)).toBe(
      `refused: ${server.address} refuses this agent: host web-7 is banned; "whotalks ca unban web-7" lets it in again`,
    );
  });
});

test('an answer that was lost is asked for again with the same token', async () => {
  const token = fileOf(server.joinToken());
  await dial(identityFor({ token }));
  // As after a crash between the aggregator's answer and the agent's disk.
  const text = readFileSync(join(folder, 'web-7', 'identity.pem'), 'utf8');
  writeFileSync(join(folder, 'web-7', 'joining.pem'), text.slice(0, text.indexOf('-----BEGIN CERTIFICATE')));
  rmSync(join(folder, 'web-7', 'identity.pem'));
  expect(await dial(identityFor({ token }))).toBe('connected');
});

test('a certificate that was refused is replaced with a new token', async () => {
  const identity = identityFor({ token: fileOf(join(folder, 'token')) });
  writeFileSync(join(folder, 'token'), readFileSync(server.joinToken(), 'utf8'));
  await dial(identity);
  server.grants.append({ do: 'ban', host: 'web-7', atMs: Date.now() });
  expect(await dial(identity)).toMatch(/is banned/);
  server.grants.append({ do: 'unban', host: 'web-7', atMs: Date.now() });
  writeFileSync(join(folder, 'token'), readFileSync(server.joinToken('web-7'), 'utf8'));
  expect(await dial(identity)).toBe('connected');
  expect(server.audited.map(({ kind }) => kind)).toEqual(['enrolled', 'enrolled']);
});
