/** What a redacted command line shows and hides. */
import { describe, expect, it } from 'vitest';
import { formatCmdline, redactCmdline } from '../../../agent/resolve/redact-cmdline.ts';
import { fc } from '../../support/random-cases.ts';
import { hostileCmdlines } from './hostile-cmdlines.ts';

/** Arguments, and the line that is shown. */
const shown: readonly (readonly [string, readonly string[], string])[] = [
  ['a plain daemon', ['/usr/sbin/nginx', '-g', 'daemon', 'off;'], '/usr/sbin/nginx -g daemon ***'],
  [
    'the founding example',
    ['./index_search', '-c', 'conf/search.conf'],
    './index_search -c conf/search.conf',
  ],
  ['numbers with units', ['sleep', '10', '1.5h', '512m', '50%', '-1'], 'sleep 10 1.5h 512m 50% -1'],
  [
    'host and port',
    ['nc', '-l', '10.1.100.9:8743', '[fd00::1]:443', ':8080'],
    'nc -l 10.1.100.9:8743 [fd00::1]:443 :8080',
  ],
  [
    'prefixes',
    ['ip', 'route', '10.0.0.0/8', 'fd00::/8', 'dev', 'eth0'],
    'ip route 10.0.0.0/8 fd00::/8 dev ***',
  ],
  [
    'a JVM',
    ['java', '-Xmx512m', '-XX:+UseG1GC', '-cp', '/a/b.jar:/c/d.jar', 'com.example.Main'],
    'java -Xmx512m -XX:+UseG1GC -cp /a/b.jar:/c/d.jar com.example.Main',
  ],
  ['a rewritten title', ['postgres: walwriter process'], 'postgres: walwriter process'],
  ['an image', ['run', 'redis:7.2', '-v', '/srv/a:/data'], 'run redis:7.2 -v /srv/a:/data'],
  ['a login', ['ssh', 'deploy@web-7.example.com'], 'ssh deploy@web-7.example.com'],
  [
    'where a secret lies',
    ['x', '--password-file', '/run/secrets/db', '--keyfile=/etc/k.pem'],
    'x --password-file /run/secrets/db --keyfile=/etc/k.pem',
  ],
  ['a URL', ['curl', 'https://example.com:8443/api/v1/users'], 'curl https://example.com:8443/api/v1/users'],
];

const hiddenLines: readonly (readonly [string, readonly string[], string])[] = [
  ['a long option', ['x', '--password', 'hunter2', '--port', '80'], 'x --password *** --port 80'],
  ['a long option with =', ['x', '--db-password=hunter', '--port=80'], 'x --db-password=*** --port=80'],
  ['a harmless-looking secret', ['x', '--token', 'word'], 'x --token ***'],
  ['a secret with spaces', ['x', '--secret', 'correct horse battery', 'go'], 'x --secret *** ***'],
  [
    'an environment variable',
    ['env', 'PGPASSWORD=letmein', 'MODE=fast', 'psql'],
    'env PGPASSWORD=*** MODE=fast psql',
  ],
  [
    'a nested assignment',
    ['docker', 'run', '--env=API_KEY=abc', '-e', 'API_KEY=abc'],
    'docker run --env=API_KEY=*** -e API_KEY=***',
  ],
  [
    'a system property',
    ['java', '-Dspring.datasource.password=abc', '-Dmode=fast'],
    'java -Dspring.datasource.password=*** -Dmode=fast',
  ],
  ["mysql's -p", ['mysql', '-u', 'root', '-pletmein', 'shop'], 'mysql -u root -p*** ***'],
  ["curl's user", ['curl', '-u', 'admin:letmein', 'http://h/'], 'curl -u *** http://h/'],
  ["redis-cli's -a", ['redis-cli', '-a', 'letmein', 'ping'], 'redis-cli -a *** ***'],
  ['a user with a password', ['x', 'admin:letmein'], 'x admin:***'],
  ['userinfo', ['x', 'postgres://app:s3cret@db:5432/shop'], 'x postgres://***@db:5432/shop'],
  ['userinfo with a slash', ['x', 'postgres://app:s3/cret@db:5432/shop'], 'x postgres://***@db:5432/shop'],
  [
    'userinfo in a list',
    ['x', '--urls=http://a:b@h1:1,http://c:d@h2:2'],
    'x --urls=http://***@h1:1,http://***@h2:2',
  ],
  [
    'a token as user',
    ['git', 'clone', 'https://ghp_abc@github.com/a/b'],
    'git clone https://***@github.com/a/b',
  ],
  ['a query', ['x', 'https://h/p?sig=abc&x=1#frag'], 'x https://h/p?***'],
  ['a token in the path of a URL', ['x', 'https://h/bot123456:AAF-x9/send'], 'x https://h/***/send'],
  [
    'a header in one argument',
    ['x', '--header', 'Authorization: Bearer abc.def'],
    'x --header Authorization: *** ***',
  ],
  ['a header in several', ['x', 'Authorization:', 'Bearer', 'abcdef', 'go'], 'x Authorization: *** *** go'],
  ['a header without a space', ['x', 'X-Api-Key:abcdef'], 'x X-Api-Key:***'],
  ['a token to log in with', ['vault', 'login', 'hunter'], 'vault login ***'],
  ['an announced token', ['vault', 'login', 'token', 'abcdef'], 'vault login *** ***'],
  ['a script', ['sh', '-c', 'PASSWORD="a b c" run'], 'sh -c PASSWORD=*** *** *** ***'],
  [
    'a script with an option',
    ['sh', '-c', 'mysql --password=a --host h'],
    'sh -c *** --password=*** --host h',
  ],
  ['hexadecimal', ['x', 'd41d8cd98f00b204e9800998ecf8427e'], 'x ***'],
  ['base64', ['x', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'], 'x ***'],
  ['a UUID', ['x', '550e8400-e29b-41d4-a716-446655440000'], 'x ***'],
  ['a JSON document', ['x', '{"password":"a"}'], 'x ***'],
  ['a card number', ['x', '4111111111111111'], 'x ***'],
  ['a card number in groups', ['x', '4111 1111 1111 1111', '4111-1111-1111-1111'], 'x *** ***'],
  [
    'a number that is a secret',
    ['x', '--pin', '1234', '--otp=123456', 'PIN=1234'],
    'x --pin *** --otp=*** PIN=***',
  ],
  [
    'a value of an unknown option',
    ['x', '--access', 'word', '-z', 'word', 'MODE2=word'],
    'x --access *** -z *** MODE2=***',
  ],
  ['a letter with a value', ['x', '-zletmein'], 'x -z***'],
  ['an option glued to a secret', ['x', '-kS3cr3tV4lue'], 'x -k***'],
  ['a hash in a path', ['x', '/var/lib/d41d8cd98f00b204e9800998ecf8427e/merged'], 'x /var/lib/***/merged'],
];

describe('the redacted command line', () => {
  it.each(shown)('shows %s', (_, args, line) => expect(redactCmdline(args)).toBe(line));
  it.each(hiddenLines)('hides %s', (_, args, line) => expect(redactCmdline(args)).toBe(line));

  it.each(hostileCmdlines)('hides the secret of %s', (cmdline) => {
    expect(redactCmdline(cmdline.split(' | '))).not.toContain('hunter');
  });

  it('shows as many words as anybody reads, and that there are more', () => {
    const line = redactCmdline(['x', ...Array.from({ length: 2000 }, () => '7')]);
    expect(line).toBe(`x${' 7'.repeat(511)} ***`);
    expect(redactCmdline(['7 '.repeat(2000)])).toBe(`${'7 '.repeat(512)}***`);
  });

  it.each(['A=', ':/', '-a ', 'a:', 'a-', '@:', '/a=,', "a='"])('takes no time for a line of %j', (unit) => {
    // Sixteen times what is read of a process; steps that grow with the square of the length would take many seconds.
    const line = unit.repeat(65_536 / unit.length);
    const before = process.cpuUsage();
    redactCmdline([line, `--${line}`, line]);
    expect(process.cpuUsage(before).user).toBeLessThan(2_000_000);
  });

  it('still tells what runs', () => {
    const lines = [
      'java -Xmx2g -Dserver.port=8080 -jar /srv/billing.jar --spring.profiles.active=prod',
      'node --max-old-space-size=512 /srv/checkout/dist/server.js worker',
      'etcd --name=m1 --listen-client-urls=http://0.0.0.0:2379',
      '/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock',
      'prometheus --config.file=/etc/prometheus/prometheus.yml --storage.tsdb.retention.time=15d',
      'uwsgi --http :80 --module shop.wsgi',
      'kubectl create -f /etc/app.yaml',
    ];
    expect(lines.map((line) => redactCmdline(line.split(' ')))).toEqual(lines);
  });

  it('shows no part of a random token, wherever it stands', () => {
    const digits = fc.string({
      unit: fc.constantFrom(...'abcdefghijkmnpqrstuvwxyzABCDEFGH23456789'.split('')),
      minLength: 12,
      maxLength: 60,
    });
    const token = digits.filter((text) => /\d.*[a-z].*\d/i.test(text));
    const place = fc.constantFrom<(secret: string) => string[]>(
      (secret) => [secret],
      (secret) => ['--token', secret],
      (secret) => [`--token=${secret}`],
      (secret) => [`SECRET=${secret}`],
      (secret) => [`-D${'a.password'}=${secret}`],
      (secret) => [`https://u:${secret}@host/`],
      (secret) => [`https://host/?k=${secret}`],
      (secret) => ['-H', `Authorization: Bearer ${secret}`],
    );
    fc.assert(
      fc.property(token, place, (secret, put) => {
        expect(redactCmdline(['x', ...put(secret), 'end'])).not.toContain(secret.slice(0, 8));
      }),
    );
  });
});

describe('the modes', () => {
  const args = ['x', '--password', 'hunter2'];
  it('full shows all', () => expect(formatCmdline(args, 'full')).toBe('x --password hunter2'));
  it('redacted hides secrets', () => expect(formatCmdline(args, 'redacted')).toBe('x --password ***'));
  it('none shows nothing', () => expect(formatCmdline(args, 'none')).toBeNull());
  it('a process without arguments has no command line', () => expect(formatCmdline([], 'full')).toBeNull());
});
