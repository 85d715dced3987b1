/** The token of a command: where it is taken from, where it is not sent, and what whoever is refused is told. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { tellStory } from '../aggregator/serve/story.ts';
import { type GuardedDoors, openDoors } from '../support/guarded-doors.ts';
import { GivenTokens } from '../support/guards.ts';
import { type CliWorld, runCli, startCli } from '../support/run-cli.ts';
import { until } from '../support/until.ts';

const tokens = new GivenTokens();
let folder: string;
let doors: GuardedDoors;
let server: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'whotalks-tokens-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  doors = await openDoors(tellStory().fleet, 'tls', tokens);
  server = doors.grpcAddress;
  return () => doors.close();
});

/** @returns the path of the file */
function file(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const ask = (argv: readonly string[], env: CliWorld['env'] = {}) =>
  runCli(['services', '--columns', 'service', '--no-headers', ...argv], {
    env: { WHOTALKS_SERVER: server, ...env },
  });

const answered = { code: 0, out: 'admin\nindex\nindex_search\nstore\n10.9.4.20\n', err: '' };

describe('a token', () => {
  test('comes from a flag, the environment or the config file, in this order', async () => {
    const good = file('good', `${tokens.give('ann', 'read')}\n`);
    const bad = file('bad', 'secret-nobody');
    const config = file('config.yaml', `tokenFile: ${JSON.stringify(good)}\n`);
    const badConfig = file('bad.yaml', `tokenFile: ${JSON.stringify(bad)}\n`);
    const expected = { ...answered, out: expect.stringContaining('index_search') };
    expect(await ask(['--token-file', good], { WHOTALKS_TOKEN_FILE: bad })).toEqual(expected);
    expect(await ask(['--config', badConfig], { WHOTALKS_TOKEN_FILE: good })).toEqual(expected);
    expect(await ask(['--config', config])).toEqual(expected);
  });

  test.each([
    ['gone', null, 'there is no such file'],
    ['empty', ' \n', 'it is empty'],
    ['two', 'one\ntwo\n', 'expected one token and nothing else in it'],
    ['umlaut', 'tökén', 'expected one token and nothing else in it'],
    ['long', 'x'.repeat(5000), 'expected one token and nothing else in it'],
  ])('in a file that is %s is refused before anything is sent', async (name, text, why) => {
    const path = text === null ? join(folder, name) : file(name, text);
    expect(await ask(['--token-file', path])).toEqual({
      code: 2,
      out: '',
      err: `whotalks: --token-file ${path}: ${why}\n`,
    });
    expect(doors.guards.told).toEqual([]);
  });

  test('that everybody may read is used, with a warning', async () => {
    const path = file('open', tokens.give('ann', 'read'), 0o644);
    expect(await ask(['--token-file', path])).toMatchObject({
      code: 0,
      err: `whotalks: warning: everybody on this machine may read ${path}: chmod 600 ${path}\n`,
    });
  });

  test('never goes over a network in plaintext', async () => {
    const path = file('good', tokens.give('ann', 'read'));
    // An address that is no loopback, and leads here all the same.
    const anywhere = server.replace('127.0.0.1', '0.0.0.0');
    const { code, err } = await ask(['--insecure', '--server', anywhere, '--token-file', path]);
    expect(code).toBe(1);
    expect(err).toContain(`the token of ${path} is not sent to ${anywhere}, since --insecure is plaintext\n`);
    expect(err).toContain('and nothing was shown');
  });
});

describe('whoever is refused', () => {
  test('without a token is told how to get one', async () => {
    expect(await ask([])).toEqual({
      code: 1,
      out: '',
      err:
        `whotalks: ${server} refuses: Query/Services takes a token of the role read, and nothing was shown; ` +
        'pass --token-file FILE, or set WHOTALKS_TOKEN_FILE; ' +
        'whoever runs the aggregator makes a token with "whotalks token create --role read"\n',
    });
  });

  test('for a token that is over is told why', async () => {
    const path = file('old', tokens.give('old', 'read'));
    tokens.takeBack('old', 'token id-old expired at 2026-01-01T00:00:00Z');
    expect(await ask(['--token-file', path])).toEqual({
      code: 1,
      out: '',
      err:
        `whotalks: ${server} refuses: token id-old expired at 2026-01-01T00:00:00Z; ` +
        'whoever runs the aggregator makes another with "whotalks token create --role read"\n',
    });
  });

  test('for its role is told which it has, and which it takes', async () => {
    const path = file('agent', tokens.giveAgent('h1'));
    expect(await ask(['--token-file', path])).toEqual({
      code: 1,
      out: '',
      err: `whotalks: ${server} refuses: the certificate of an agent lets report; Query/Services takes a token of the role read\n`,
    });
  });

  test('while it watches ends with the reason', async () => {
    const path = file('carl', tokens.give('carl', 'read'));
    const watch = startCli(['watch', '--token-file', path, '-o', 'ndjson'], {
      env: { WHOTALKS_SERVER: server },
    });
    await until('it watches', () => watch.out().includes('"started"') || watch.err());
    tokens.takeBack('carl', 'token id-carl was revoked');
    doors.guards.gate.sweep();
    expect(await watch.done).toBe(1);
    expect(watch.err()).toContain(`${server} refuses: token id-carl was revoked; `);
  });

  test('by doctor is told what to do', async () => {
    const { code, out } = await runCli(['doctor', '-o', 'json'], { env: { WHOTALKS_SERVER: server } });
    const { checks } = JSON.parse(out) as { checks: { check: string }[] };
    expect(code).toBe(0);
    expect(checks.find(({ check }) => check === 'server')).toMatchObject({
      state: 'lacking',
      detail: `${server} refuses: Query/About takes a token of the role read, and nothing was shown`,
      fix: 'pass --token-file FILE, or set WHOTALKS_TOKEN_FILE',
    });
  });
});
