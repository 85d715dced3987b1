/** The command line before anything is asked: help, mistakes, and their exit codes, each in one line. */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { verbs } from '../../cli/verbs.ts';
import { runCli } from '../support/run-cli.ts';

describe('help', () => {
  test('lists every verb, and no verb that is not there', async () => {
    const { code, out, err } = await runCli(['--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const { name } of verbs) expect(out).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(out).not.toMatch(/^ {2}(path|diff|check|policy|explain|completion) /m);
  });

  test.each(verbs.map(({ name }) => name))('%s --help has an example', async (name) => {
    const { code, out } = await runCli([name, '--help']);
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`\\nExample:\\n  whotalks ${name}`));
  });

  test('the version is that of the package', async () => {
    expect(await runCli(['--version'])).toEqual({ code: 0, out: '0.1.0\n', err: '' });
  });
});

describe('mistakes end with exit code 2 and one line', () => {
  const terms = 'ip:port, [v6]:port, ip, cidr, :port, host, service or service:port';

  const address = 'HOST:PORT, such as 127.0.0.1:7443 or [::1]:7443';

  test.each<[string[], string]>([
    [[], 'no command given; "whotalks --help" lists them'],
    [['conections'], 'unknown command \'conections\'; did you mean connections? see "whotalks --help"'],
    [['explain', 'x'], '"explain" is not there yet in this version; "whotalks --help" lists what is'],
    [['path', 'a', 'b'], '"path" is not there yet in this version; "whotalks --help" lists what is'],
    [['to'], 'missing required argument \'target\'; see "whotalks to --help"'],
    [
      ['to', 'a', 'b'],
      'too many arguments for \'to\': expected 1 argument but got 2; see "whotalks to --help"',
    ],
    [['to', 'a', '--limt', '1'], 'unknown option \'--limt\'; did you mean --limit? see "whotalks to --help"'],
    [['to', 'a', '--limit', 'x'], '--limit: expected a whole number of 0 to 999999999, found "x"'],
    [['agent', '--metrics', 'x'], `--metrics: expected ${address}, found "x"`],
    [['aggregator', '--listen', '127.0.0.1:99999'], `--listen: expected ${address}, found "127.0.0.1:99999"`],
    [
      ['to', 'a', '-o', 'yaml'],
      '--output: expected table, wide, json, ndjson, csv, dot, mermaid, found "yaml"',
    ],
    [['to', 'a', '-o', 'dot'], '--output dot does not fit here; there are table, wide, json, ndjson, csv'],
    [
      ['to', 'a', '--at', '-15m'],
      '--at: history is not available in this version; leave it out to ask about now',
    ],
    [
      ['--since', '1h', 'map'],
      '--since: history is not available in this version; leave it out to ask about now',
    ],
    [['doctor', '--sort', 'check'], '--sort has no effect on doctor; leave it out'],
    [['--limit', '1', 'doctor'], '--limit has no effect on doctor; leave it out'],
    [['watch', '--columns', 'client'], '--columns has no effect on watch; leave it out'],
    [['to', '10.0.0.300'], 'bad target: "10.0.0.300" at column 1; expected an IPv4 address'],
    [['connections', 'web', 'and'], `bad filter: the end at column 8; expected a term: ${terms}`],
    [
      ['connections', 'server.port = 1'],
      `bad filter: fields are not supported yet: "server.port" at column 1; expected ${terms}`,
    ],
    [['map', '--server', 'nowhere'], `--server: expected ${address}, found "nowhere"`],
    [['map', '--server', '10.0.0.1:7443', '--ca', '/nowhere/ca.crt'], '--ca /nowhere/ca.crt: ENOENT'],
    [['deps', ' '], 'deps: expected the name of a service; "whotalks services" lists them'],
    [['map', '--config', '/nonexistent'], '--config /nonexistent: there is no such file'],
    [['map', '--config', '/tmp'], '--config /tmp: it is a folder, not a file'],
    [['sockets', '--fd', '3'], '--fd needs --pid: whose file descriptor is it?'],
    [['demo', '--hosts', '0'], '--hosts: expected 1 to 1000, found 0'],
    [['agent', '--interval', '1ms'], '--interval: expected at least 50ms, found "1ms"'],
  ])('%j', async (argv, message) => {
    expect(await runCli(argv)).toEqual({ code: 2, out: '', err: `whotalks: ${message}\n` });
  });

  test.each([
    [{ WHOTALKS_SERVER: 'x' }, `WHOTALKS_SERVER: expected ${address}, found "x"`],
    [{ WHOTALKS_CONFIG: '/nonexistent' }, 'WHOTALKS_CONFIG /nonexistent: there is no such file'],
  ])('%j is named as the source', async (env, message) => {
    expect(await runCli(['map'], { env })).toEqual({ code: 2, out: '', err: `whotalks: ${message}\n` });
  });

  test('a wrong key of the config file is named with its line', async () => {
    const file = join(tmpdir(), `whotalks-usage-${process.pid}.yaml`);
    writeFileSync(file, 'server: 127.0.0.1:1\nsever: x\n');
    const { code, err } = await runCli(['map'], { env: { WHOTALKS_CONFIG: file } });
    expect(code).toBe(2);
    expect(err).toMatch(new RegExp(`^whotalks: ${file}:2: sever: unknown key; allowed here: server, `));
  });
});
