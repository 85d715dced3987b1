/** `ca` and `token` on a data folder without an aggregator: what they say, what they write, and what they refuse. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type CliRun, runCli } from '../support/run-cli.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'whotalks-grants-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function run(...argv: string[]): Promise<CliRun> {
  return runCli([...argv, '--data', folder]);
}

const security = (): string => join(folder, 'security');

function audit(): [kind: string, subject: string, detail: string][] {
  return readFileSync(join(security(), 'audit.log'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { kind: string; subject: string; detail: string })
    .map(({ kind, subject, detail }) => [kind, subject, detail]);
}

describe('ca', () => {
  test('init makes a CA and says what to do next', async () => {
    const { code, out, err } = await run('ca', 'init', '--name', 'map.example.net', '--name', '10.0.0.5');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const lines = out.split('\n');
    expect(lines[0]).toBe(`made the CA of a fleet in ${security()}`);
    expect(lines[1]).toMatch(/^ {2}fingerprint {2}[0-9a-f]{64}$/);
    expect(lines[2]).toMatch(/^ {2}good until {3}20\d\d-/);
    expect(lines[3]).toBe(
      '  server       map.example.net, 10.0.0.5, names and addresses of the machine it runs on',
    );
    expect(out).toContain(`whotalks aggregator --data ${folder} --listen 0.0.0.0:7443 --http 0.0.0.0:7480\n`);
    expect(out).toContain(
      'whotalks agent --server map.example.net:7443 --ca ca.crt --token-file join-token\n',
    );
    expect(readdirSync(security()).toSorted()).toEqual(['ca.crt', 'ca.key', 'names']);
  });

  test('init a second time changes nothing, and says so', async () => {
    await run('ca', 'init');
    const before = readFileSync(join(security(), 'ca.crt'), 'utf8');
    expect(await run('ca', 'init')).toEqual({
      code: 0,
      out: '',
      err: `whotalks: ${security()} has a CA already, which is left as it is; "whotalks ca show" tells of it\n`,
    });
    expect(readFileSync(join(security(), 'ca.crt'), 'utf8')).toBe(before);
  });

  test('ban and unban a host, each once, and the audit log says who did', async () => {
    await run('ca', 'init');
    expect(await run('ca', 'ban', 'web-7')).toEqual({
      code: 0,
      out: 'host web-7 is banned: a running aggregator ends its stream within a second\n',
      err: 'whotalks: no host with the id web-7 has enrolled here; it is banned all the same\n',
    });
    const shown = JSON.parse((await run('ca', 'show', '-o', 'json')).out) as Record<string, unknown>;
    expect(shown).toMatchObject({ apiVersion: 'whotalks/v1', names: [], banned: ['web-7'] });
    expect((await run('ca', 'show')).out).toContain('  banned       web-7\n');
    expect((await run('ca', 'ban', 'web-7')).err).toBe(
      'whotalks: host web-7 is banned already: nothing to do\n',
    );
    expect((await run('ca', 'unban', 'web-7')).out).toBe('host web-7 is let in again\n');
    expect((await run('ca', 'unban', 'web-7')).err).toBe(
      'whotalks: host web-7 is not banned: nothing to do\n',
    );
    expect(audit()).toEqual([
      ['banned', 'host web-7', expect.stringMatching(/^host web-7 was banned, by \S+ on the command line$/)],
      [
        'unbanned',
        'host web-7',
        expect.stringMatching(/^host web-7 was unbanned, by \S+ on the command line$/),
      ],
    ]);
  });

  test('a name of a host that would act upon a terminal is text', async () => {
    await run('ca', 'init');
    expect((await run('ca', 'ban', '\x1b[31mred')).out).not.toContain('\x1b');
  });

  test.each([
    [['ca', 'show'], 1, /^whotalks: \S+\/security has no CA: "whotalks ca init --data \S+" makes one\n$/],
    [['ca', 'ban', 'web-7'], 1, /has no CA: /],
    [
      ['ca', 'ban'],
      2,
      /^whotalks: ca takes init, show, ban HOST_ID or unban HOST_ID; see "whotalks ca --help"\n$/,
    ],
    [['ca', 'dance'], 2, /^whotalks: ca takes init/],
    [['ca', 'init', '--name', 'a b'], 2, /^whotalks: --name: "a b" is neither a host name nor an address\n$/],
    [
      ['token', 'create'],
      2,
      /^whotalks: say what the token is for: --join, or --role with read, read:cmdline, admin\n$/,
    ],
    [
      ['token', 'create', '--role', 'read'],
      2,
      /^whotalks: --name: say whose token it is, such as --name ann\n$/,
    ],
    [
      ['token', 'create', '--role', 'write', '--name', 'a'],
      2,
      /^whotalks: --role: expected read, read:cmdline, admin, found "write"\n$/,
    ],
    [
      ['token', 'create', '--role', 'read', '--join'],
      2,
      /^whotalks: --join and --role: a token is for a host or for a person, not for both\n$/,
    ],
    [
      ['token', 'create', '--host', 'a', '--role', 'read'],
      2,
      /^whotalks: --host goes with --join: it names the one host that may enrol\n$/,
    ],
    [
      ['token', 'create', '--join', '--expires', 'soon'],
      2,
      /^whotalks: --expires: expected a duration such as 1s, 500ms or 15m, found "soon"\n$/,
    ],
    [['token', 'revoke', 'abc'], 1, /^whotalks: there is no token abc; "whotalks token list" shows all\n$/],
    [
      ['token', 'dance'],
      2,
      /^whotalks: token takes create, list or revoke ID; see "whotalks token --help"\n$/,
    ],
  ])('%j is refused in one line', async (argv, code, message) => {
    const ended = await run(...argv);
    expect({ code: ended.code, out: ended.out }).toEqual({ code, out: '' });
    expect(ended.err).toMatch(message);
  });

  test('a folder that cannot be, and none at all', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const { code, err } = await runCli(['ca', 'init', '--data', file]);
    expect({ code, lines: err.split('\n').length }).toEqual({ code: 1, lines: 2 });
    expect(err).toMatch(/^whotalks: \S+: .*ENOTDIR.*; choose another folder with --data DIR\n$/);
    expect(await runCli(['ca', 'init', '--data', 'none'])).toMatchObject({
      code: 2,
      err: 'whotalks: --data: expected the folder of the aggregator, found "none"\n',
    });
  });
});

describe('token', () => {
  test('create writes the token and nothing else to stdout', async () => {
    const { code, out, err } = await run('token', 'create', '--join');
    expect(code).toBe(0);
    expect(out).toMatch(/^wtjoin_[\w-]{43}\n$/);
    expect(err).toMatch(
      /^whotalks: token [0-9a-f]{8}: one host enrols with it, until \S+Z; it is not shown again\n$/,
    );
    expect(statSync(join(security(), 'grants.jsonl')).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(security(), 'audit.log'), 'utf8')).not.toContain(out.trim());
  });

  test('list tells of all, and never shows one', async () => {
    const secret = (
      await run('token', 'create', '--role', 'read,read:cmdline', '--name', 'ann', '--expires', 'never')
    ).out.trim();
    await run('token', 'create', '--join', '--host', 'web-7', '--expires', '1s');
    const { out } = await run('token', 'list', '-o', 'json');
    expect(out).not.toContain(secret);
    const { tokens } = JSON.parse(out) as { tokens: Record<string, unknown>[] };
    expect(tokens).toMatchObject([
      {
        name: 'ann',
        grants: 'read, read:cmdline',
        state: 'good',
        expiresAt: null,
        usedAt: null,
        usedBy: null,
      },
      { name: 'join', grants: 'join as web-7' },
    ]);
    expect((await run('token', 'list')).out).toMatch(/^ID +NAME +GRANTS +STATE +EXPIRES +FIRST USED +BY\n/);
    await run('token', 'revoke', String(tokens[0]!['id']));
    expect((await run('token', 'list')).out).toMatch(/ann +read, read:cmdline +revoked +never/);
    expect((await run('token', 'revoke', String(tokens[0]!['id']))).err).toMatch(
      /was revoked at \S+Z: nothing to do\n$/,
    );
    expect(audit().map(([kind]) => kind)).toEqual(['token-created', 'token-created', 'token-revoked']);
  });

  test('list of none says so', async () => {
    const { code, err } = await run('token', 'list');
    expect({ code, err }).toEqual({
      code: 0,
      err: 'whotalks: there is no token; "whotalks token create" makes one\n',
    });
  });
});
