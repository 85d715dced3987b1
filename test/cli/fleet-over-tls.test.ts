/** A fleet over TLS as a person sets it up: a CA, tokens, agents that enrol, and everybody who is refused with the reason. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HostsDocument } from '../../model/document.ts';
import { type CliRun, runCli, type StartedCli, startCli } from '../support/run-cli.ts';
import { until } from '../support/until.ts';

let folder: string;
let data: string;
let caFile: string;
let aggregator: StartedCli;
let [server, http] = ['', ''];
const started: StartedCli[] = [];

/** What no other test's whotalks has. */
function world(state = 'state') {
  return { env: { XDG_STATE_HOME: join(folder, state) } };
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'whotalks-fleet-tls-'));
  data = join(folder, 'data');
  caFile = join(data, 'security', 'ca.crt');
  const { code, out } = await runCli(['ca', 'init', '--data', data, '--name', 'map.example.net'], world());
  expect({ code, out }).toMatchObject({ code: 0, out: expect.stringMatching(/^made the CA of a fleet in /) });
  const doors = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0'];
  aggregator = start('aggregator', '--data', data, ...doors);
  await until(
    'the aggregator listens',
    () => aggregator.err().includes('aggregator listens') || aggregator.err(),
  );
  const line = JSON.parse(
    aggregator
      .err()
      .split('\n')
      .find((each) => each.includes('aggregator listens'))!,
  ) as {
    grpc: string;
    http: string;
    tls: boolean;
  };
  expect(line.tls).toBe(true);
  [server, http] = [line.grpc, line.http];
});
afterAll(async () => {
  for (const each of started) each.stop('SIGTERM');
  await Promise.all(started.map(({ done }) => done));
  rmSync(folder, { recursive: true });
});

function start(...argv: string[]): StartedCli {
  const cli = startCli(argv, world(argv[0]));
  started.push(cli);
  return cli;
}

async function token(...flags: string[]): Promise<string> {
  const { code, out, err } = await runCli(['token', 'create', '--data', data, ...flags], world());
  expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(/^whotalks: token [0-9a-f]{8}: /) });
  const path = join(folder, `token-${readdirSync(folder).length}`);
  writeFileSync(path, out, { mode: 0o600 });
  return path;
}

function ask(...flags: string[]): Promise<CliRun> {
  return runCli(['hosts', '-o', 'json', '--server', server, ...flags], world());
}

/** An agent with a folder of its own. */
function startAgent(hostId: string, ...flags: string[]): StartedCli {
  const quick = [
    '--source',
    'procfs',
    '--events',
    'off',
    '--nat',
    'off',
    '--interval',
    '200ms',
    '--cpu-max',
    '0',
  ];
  const argv = ['agent', '--server', server, '--host-id', hostId, '--host-name', hostId, ...quick, ...flags];
  const cli = startCli(argv, world(`agent-${hostId}`));
  started.push(cli);
  return cli;
}

async function stateOf(host: string, readToken: string): Promise<string> {
  const { out } = await ask('--ca', caFile, '--token-file', readToken);
  const { hosts } = JSON.parse(out) as HostsDocument;
  return hosts.find((each) => each.hostId === host)?.state ?? 'unknown';
}

/** Of the audit log, once it has something about `subject`. */
async function audited(kind: string, subject: string): Promise<string> {
  let detail = '';
  await until(`the audit log says ${kind} of ${subject}`, () => {
    const lines = readAudit().filter((each) => each.kind === kind && each.subject === subject);
    detail = lines.at(-1)?.detail ?? '';
    return lines.length > 0 || JSON.stringify(readAudit());
  });
  return detail;
}

function readAudit(): { kind: string; subject: string | null; detail: string }[] {
  const path = join(data, 'security', 'audit.log');
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines
    .filter((line) => line.endsWith('}'))
    .map((line) => JSON.parse(line) as ReturnType<typeof readAudit>[0]);
}

describe('who asks', () => {
  test('in plaintext is told to use TLS', async () => {
    expect(await ask()).toEqual({
      code: 1,
      out: '',
      err: `whotalks: ${server} refuses: this port speaks TLS and nothing else: pass --ca FILE with the ca.crt of the aggregator\n`,
    });
  });

  test('with another CA is told so', async () => {
    const other = join(folder, 'other');
    await runCli(['ca', 'init', '--data', other], world());
    const { code, err } = await ask('--ca', join(other, 'security', 'ca.crt'));
    expect({ code, err }).toEqual({
      code: 4,
      err:
        `whotalks: cannot reach the aggregator at ${server}: its certificate is of a CA that is not trusted here: ` +
        'pass --ca FILE with the ca.crt of the aggregator\n',
    });
  });

  test('without a token is told to show one', async () => {
    const { code, err } = await ask('--ca', caFile);
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(
        / refuses: Query\/Hosts takes a token of the role read, and nothing was shown; /,
      ),
    });
  });

  test('with a token is answered, until it is revoked', async () => {
    const path = await token('--role', 'read', '--name', 'ann');
    const asked = ['--ca', caFile, '--token-file', path];
    expect((await ask(...asked)).code).toBe(0);
    const { out } = await runCli(['token', 'list', '--data', data, '-o', 'json'], world());
    const { id } = (JSON.parse(out) as { tokens: { id: string; name: string }[] }).tokens.find(
      ({ name }) => name === 'ann',
    )!;
    await runCli(['token', 'revoke', id, '--data', data], world());
    const { code, err } = await ask(...asked);
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(new RegExp(` refuses: token ${id} was revoked at `)),
    });
  });

  test('over HTTP shows the token in a header', async () => {
    const secret = readFileSync(await token('--role', 'read', '--name', 'bob'), 'utf8').trim();
    const [host, port] = http.split(':');
    const request = { host, port, path: '/api/v1/hosts', ca: readFileSync(caFile) };
    const status = (headers: Record<string, string>): Promise<number> =>
      new Promise((resolve, reject) => {
        get({ ...request, headers, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode!);
        }).on('error', reject);
      });
    expect(await status({ authorization: `Bearer ${secret}` })).toBe(200);
    expect(await status({})).toBe(401);
    expect(await status({ authorization: 'Bearer wttoken_wrong' })).toBe(401);
  });
});

describe('an agent', () => {
  test('enrols, reports, is banned and comes back', async () => {
    const reading = await token('--role', 'read', '--name', 'test');
    const agent = startAgent('web-7', '--ca', caFile, '--token-file', await token('--join'));
    await until('it is live', async () => (await stateOf('web-7', reading)) === 'live' || agent.err());
    expect(await audited('enrolled', 'host web-7')).toMatch(
      /^host web-7 enrolled with join token [0-9a-f]{8}$/,
    );

    await runCli(['ca', 'ban', 'web-7', '--data', data], world());
    const banned = 'host web-7 is banned; \\"whotalks ca unban web-7\\" lets it in again';
    await until(
      'the agent is told',
      () => agent.err().includes(`${server} refuses this agent: ${banned}`) || agent.err(),
    );
    await until('the aggregator says so', () => aggregator.err().includes(banned) || aggregator.err());
    expect(await audited('refused', 'host web-7')).toContain('host web-7 is banned');
    await until('it is stale', async () => (await stateOf('web-7', reading)) === 'stale');
    agent.stop('SIGTERM');
    await agent.done;

    await runCli(['ca', 'unban', 'web-7', '--data', data], world());
    const again = startAgent('web-7', '--ca', caFile);
    await until('it is live again', async () => (await stateOf('web-7', reading)) === 'live' || again.err());
  });

  test('with the certificate of another host is refused, on both sides', async () => {
    const honest = startAgent('web-8', '--ca', caFile, '--token-file', await token('--join'));
    const identity = join(folder, 'agent-web-8', 'whotalks', 'agent', 'web-8', 'identity.pem');
    await until(
      'it has a certificate',
      () => statSync(identity, { throwIfNoEntry: false }) !== undefined || honest.err(),
    );
    const thief = startAgent('web-9', '--ca', caFile, '--cert', identity, '--key', identity);
    const reason = 'the certificate is of host web-8, and Hello says web-9';
    await until(
      'it is told',
      () => thief.err().includes(`${server} refuses this agent: ${reason}`) || thief.err(),
    );
    expect(await audited('refused', 'host web-8')).toContain(reason);
    expect(aggregator.err()).toContain(reason);
  });

  test('on the machine of the aggregator needs neither flags nor a token', async () => {
    // The data folder of the aggregator is where agents of this machine look for it.
    const env = { XDG_STATE_HOME: join(folder, 'machine'), WHOTALKS_DATA: '' };
    await runCli(['ca', 'init'], { env });
    const local = startCli(['aggregator', '--listen', '127.0.0.1:0', '--http', '127.0.0.1:0'], { env });
    started.push(local);
    await until('it listens', () => local.err().includes('aggregator listens') || local.err());
    const at = /"grpc":"([^"]+)"/.exec(local.err())![1]!;
    const quick = [
      '--source',
      'procfs',
      '--events',
      'off',
      '--nat',
      'off',
      '--host-id',
      'here',
      '--interval',
      '200ms',
    ];
    const agent = startCli(['agent', '--server', at, ...quick], { env });
    started.push(agent);
    await until('it reports', () => agent.err().includes(`reporting to ${at}`) || agent.err());

    expect(agent.err()).toContain(`${at} speaks TLS: enrolling this host with the CA of this machine`);
  });
});

describe('what cannot be is said in one line', () => {
  test.each([
    ['--listen', ['--listen', '0.0.0.0:0', '--http', '127.0.0.1:0']],
    ['--http', ['--listen', '127.0.0.1:0', '--http', '0.0.0.0:0']],
  ])('%s off loopback without a CA', async (flag, doors) => {
    const empty = ['--data', join(folder, 'empty')];
    expect(await runCli(['aggregator', ...doors, ...empty], world())).toEqual({
      code: 2,
      out: '',
      err:
        `whotalks: ${flag} 0.0.0.0:0 is not loopback, and without TLS and authorisation anyone there could read and forge ` +
        'connections: run "whotalks ca init" first, use a loopback address, or pass --insecure to accept that\n',
    });
  });

  test("an agent off loopback that trusts nobody's CA in particular uses TLS all the same", async () => {
    const argv = ['agent', '--server', '192.0.2.1:7443', '--cert', 'a.crt'];
    expect(await runCli(argv, world())).toMatchObject({
      code: 2,
      err: 'whotalks: --cert and --key belong together: a certificate, and the key that it is of\n',
    });
  });

  test.each([
    [
      ['--ca', 'a', '--ca-sha256', 'b'.repeat(64)],
      '--ca and --ca-sha256 name a CA each; leave out one of them',
    ],
    [
      ['--ca-sha256', 'abc'],
      '--ca-sha256: expected the 64 hexadecimal digits that "whotalks ca show" prints',
    ],
    [['--ca', 'a', '--insecure'], '--ca is of TLS, which --insecure switches off; leave out one of them'],
  ])('agent %j', async (flags, message) => {
    expect(await runCli(['agent', ...flags], world())).toMatchObject({
      code: 2,
      err: `whotalks: ${message}\n`,
    });
  });

  test('a certificate that is none', async () => {
    const file = join(folder, 'hello');
    writeFileSync(file, 'hello');
    const doors = ['--listen', '127.0.0.1:0', '--http', '127.0.0.1:0', '--data', join(folder, 'empty')];
    const { code, err } = await runCli(['aggregator', ...doors, '--cert', file, '--key', file], world());
    expect({ code, err }).toEqual({
      code: 1,
      err: expect.stringMatching(
        new RegExp(
          `^whotalks: --cert ${file} with --key ${file} cannot be used: .+: they must be PEM, and belong to each other\n$`,
        ),
      ),
    });
  });
});
