/** The name of what runs, from executable and arguments. */
import { expect, it } from 'vitest';
import { programName } from '../../../agent/resolve/program.ts';

const cases: readonly (readonly [string | null, string, string | null])[] = [
  ['/usr/sbin/nginx', 'nginx: worker process', 'nginx'],
  ['/srv/search/index_search', './index_search -c conf', 'index_search'],
  ['/usr/lib/postgresql/15/bin/postgres', 'postgres: walwriter', 'postgres'],
  ['/usr/bin/node', 'node /srv/checkout/server.js', 'checkout'],
  [
    '/usr/bin/node',
    'node --import x --max-old-space-size=100 /srv/checkout/dist/index.mjs --port 80',
    'checkout',
  ],
  ['/usr/bin/node', 'node worker-pool.js', 'worker-pool'],
  ['/usr/bin/node', 'node server.js', 'server'],
  ['/usr/bin/node', 'node -e setInterval(()=>{})', 'node'],
  ['/usr/bin/node', 'npm', 'node'],
  ['/usr/bin/bun', 'bun run orders.ts', 'orders'],
  ['/usr/bin/python3.11', 'python3 -m http.server 8000', 'http.server'],
  ['/usr/bin/python3.11', '/usr/bin/python3 /usr/local/bin/gunicorn app:app', 'gunicorn'],
  ['/usr/bin/python3.11', 'python3 -u -W ignore /opt/billing/manage.py runserver', 'billing'],
  ['/usr/bin/python3.11', 'python3 -c print(1)', 'python3.11'],
  ['/usr/bin/ruby3.1', 'ruby -I lib /srv/shop/bin/puma', 'puma'],
  ['/usr/bin/perl', 'perl -ne print', 'perl'],
  ['/usr/bin/perl', 'perl /usr/bin/ddclient', 'ddclient'],
  ['/usr/bin/php8.2', 'php -f /var/www/cron.php', 'cron'],
  ['/usr/lib/jvm/bin/java', 'java -Xmx1g -jar /opt/billing-1.4.2-SNAPSHOT.jar --x', 'billing'],
  ['/usr/lib/jvm/bin/java', 'java -cp /a.jar:/b.jar org.apache.kafka.Kafka config', 'Kafka'],
  ['/usr/lib/jvm/bin/java', 'java -cp /a.jar com.example.billing.Main', 'billing'],
  ['/usr/lib/jvm/bin/java', 'java -m orders/com.example.orders.App', 'orders'],
  ['/usr/bin/bash', 'bash /usr/local/bin/backup.sh daily', 'backup'],
  ['/usr/bin/bash', 'bash -lc sleep', 'bash'],
  ['/usr/bin/bash', '-bash', 'bash'],
  ['/bin/busybox', 'httpd -f', 'httpd'],
  ['/bin/busybox', '/bin/nc -l', 'nc'],
  [null, '/usr/bin/node /srv/checkout/server.js', 'checkout'],
  [null, 'nginx: worker process', 'nginx'],
  [null, '', null],
];

it.each(cases)('%s as %j is %s', (exe, cmdline, name) => {
  expect(programName(exe, cmdline === '' ? [] : cmdline.split(' '))).toBe(name);
});
