/** Files of /proc, which processes and network namespaces have a say in. */
import { malformedRowsMax } from '../../agent/collector.ts';
import { parseLocalPortRange } from '../../agent/procfs/ip-local-port-range.ts';
import { parseFibTrie } from '../../agent/procfs/net-fib-trie.ts';
import { parseIfInet6 } from '../../agent/procfs/net-if-inet6.ts';
import { parseConnectedRoutes } from '../../agent/procfs/net-route.ts';
import { parseMultipath, parseTcpTotals } from '../../agent/procfs/net-snmp.ts';
import { parseOrphans, parseTcpSockets } from '../../agent/procfs/net-sockstat.ts';
import { parseSocketTable, SocketTableParser, socketTables } from '../../agent/procfs/net-tcp.ts';
import { parseConntrackCount } from '../../agent/procfs/nf-conntrack-count.ts';
import { parseCgroup } from '../../agent/procfs/pid-cgroup.ts';
import { parseCmdline } from '../../agent/procfs/pid-cmdline.ts';
import { parseSocketLink } from '../../agent/procfs/pid-fd.ts';
import { parseNetnsLink } from '../../agent/procfs/pid-netns.ts';
import { parsePidStat } from '../../agent/procfs/pid-stat.ts';
import { parseEffectiveCapabilities, parsePidDepth, parseUid } from '../../agent/procfs/pid-status.ts';
import { resolvePlacement } from '../../agent/resolve/placement.ts';
import { programName } from '../../agent/resolve/program.ts';
import { formatCmdline } from '../../agent/resolve/redact-cmdline.ts';
import { parsePasswd } from '../../agent/resolve/user-names.ts';
import { recorded } from '../corpus.ts';
import { expectCount, expectIp, expectPort, expectPrefix, expectPrefixLength } from '../promises.ts';
import { expectAlike, expectThat, type Target } from '../target.ts';

const netns = 4026531840;

/** Of a container. */
const id = 'ab'.repeat(32);

const netTables: Target = {
  name: 'net-tables',
  seeds: () =>
    ['proc-net-tcp.txt', 'proc/1/net/tcp', 'proc/1/net/tcp6', 'proc/1/net/udp'].map((file) =>
      recorded(`test/fixtures/${file}`),
    ),
  tokens: ['\n', ' ', ':', '  sl  ', '0100007F:1F90', '00000000', '0A', '07', '9007199254740993', '\0', 'FF'],
  run: (input) => socketTables.map((table) => readTable(input, table)),
};

function readTable(input: Buffer, table: (typeof socketTables)[number]): unknown {
  const source = { table, file: table, netns };
  const { rows, malformed, malformedTotal } = parseSocketTable(input, source);
  const inSteps = new SocketTableParser(input, source);
  for (let isMore = true; isMore; ) isMore = inSteps.parseRows(3);
  expectThat(inSteps.rows.length === rows.length, 'a table has as many rows when it is read in steps');
  expectThat(malformed.length === Math.min(malformedTotal, malformedRowsMax), 'malformed rows are told');
  for (const { local, remote, inode, uid } of rows) {
    for (const { ip, port } of [local, remote]) {
      expectIp(ip);
      expectPort(port);
    }
    expectCount(inode, 'inode');
    expectCount(uid, 'uid');
  }
  return [rows.length, malformedTotal, rows.at(-1), malformed.map(({ column }) => column)];
}

/** Small files of a namespace, each as text; every one of them reads what all others are meant for, too. */
const netTexts: Target = {
  name: 'net-texts',
  seeds: () => [
    Buffer.from('Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'),
    Buffer.from('eth0\t0064010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n'.repeat(2)),
    Buffer.from(
      'fe80000000000000004200fffe000001 02 40 20 80     eth0\n00000000000000000000000000000001 01 80 10 80       lo\n',
    ),
    Buffer.from(
      'Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.1.100.9\n        /32 host LOCAL\n     |-- 127.0.0.0\n        /8 host LOCAL\n',
    ),
    Buffer.from(
      'Tcp: ActiveOpens PassiveOpens EstabResets CurrEstab\nTcp: 29167 26627 12 8\nMPTcpExt: MPCapableSYNRX MPCapableSYNTX MPCurrEstab\nMPTcpExt: 0 0 0\n',
    ),
    Buffer.from('sockets: used 290\nTCP: inuse 3 orphan 0 tw 1 alloc 5 mem 1\nUDP: inuse 2 mem 0\n'),
    Buffer.from('32768\t60999\n'),
    Buffer.from('17\n'),
  ],
  tokens: [
    '\n',
    '\t',
    ' ',
    'TCP: ',
    'Tcp: ',
    '|-- ',
    '/32 host LOCAL',
    '00000000',
    'orphan ',
    'alloc ',
    ':',
    '1 ',
    '.',
  ],
  run(input) {
    const text = input.toString('latin1');
    const lines = `\n${text}`;
    const addresses = parseFibTrie(text);
    for (const ip of addresses) expectIp(ip);
    const inet6 = parseIfInet6(text);
    for (const { ip, prefixLength } of inet6) expectPrefixLength(ip, prefixLength);
    const routes = parseConnectedRoutes(lines);
    for (const { destination } of routes) expectPrefix(destination);
    const range = parseLocalPortRange(text);
    for (const port of range ?? []) expectPort(port);
    const counts = [parseOrphans(text), parseTcpSockets(text), parseConntrackCount(text)];
    const totals = parseTcpTotals(text);
    return [addresses, inet6, routes, range, counts, totals, parseMultipath(text)];
  },
};

const pidFiles: Target = {
  name: 'pid-files',
  seeds: () => [
    ...['1', '25465'].flatMap((pid) =>
      ['stat', 'status', 'cgroup'].map((file) => recorded(`test/fixtures/proc/${pid}/${file}`)),
    ),
    Buffer.from('Name:\tx\nUid:\t0\t1000\t0\t0\nNSpid:\t4711\t1\nCapEff:\t000001ffffffffff\n'),
    Buffer.from('socket:[2305224138]'),
    Buffer.from('net:[4026531992]'),
    recorded('test/fixtures/proc-passwd'),
    Buffer.from(
      `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0af31207_6a5f_4f0a_9c3f_0e9cf1a1b2c3.slice/cri-containerd-${id}.scope\n`,
    ),
    Buffer.from(`12:pids:/docker/${id}\n0::/system.slice/docker-${id}.scope\n`),
    Buffer.from(
      '0::/lxc.payload.web/system.slice/nginx.service\n1:name=systemd:/machine.slice/machine-a\\x2db.scope\n',
    ),
  ],
  tokens: [
    '(',
    ')',
    ' ',
    '\n',
    ':',
    '/',
    'Uid:\t',
    'NSpid:',
    '\t1',
    'CapEff:\t',
    '.slice',
    '.scope',
    '.service',
    '-',
    '_',
    'pod',
    'libpod-',
    '\\x2d',
  ],
  run(input) {
    const text = input.toString();
    const stat = parsePidStat(input);
    if (stat !== null) {
      expectCount(stat.startTicks, 'startTicks');
      expectCount(stat.threads, 'threads');
    }
    const numbers = [parseUid(text), parsePidDepth(text), parseNetnsLink(text), parseSocketLink(text)];
    for (const number of numbers) if (number !== null) expectCount(number, 'a number of a process');
    const entries = parseCgroup(text);
    return [stat, ...numbers, parseEffectiveCapabilities(text), resolvePlacement(entries), parsePasswd(text)];
  },
};

const cmdlines: Target = {
  name: 'cmdlines',
  seeds: () => [
    recorded('test/fixtures/proc/25465/cmdline'),
    ...[
      'mysql\0-uroot\0-phunter2\0--password=x\0--host\0db',
      'java\0-Xmx1g\0-Djavax.net.ssl.keyStorePassword=abc\0-jar\0/srv/app.jar\0--url=https://user:secret@host/x?token=1',
      'node\0--import\0x\0/srv/dist/index.mjs\0--api-key\0sk-0123456789abcdef0123456789abcdef',
      'postgres: checkpointer   \0\0\0\0',
      'sh\0-c\0curl -H "Authorization: Bearer eyJhbGciOi.eyJzdWIi.c2ln" http://x | tee /tmp/y',
      'python3\0-m\0gunicorn\0app:wsgi',
    ].map((text) => Buffer.from(text)),
  ],
  tokens: [
    '\0',
    ' ',
    '=',
    '--',
    '-p',
    '-D',
    'password',
    'token',
    '://',
    '@',
    ':',
    'Bearer ',
    '"',
    "'",
    '\\',
    'é',
    '\ud83d\ude00',
    '\x1b[',
  ],
  run(input) {
    const args = parseCmdline(input);
    const redacted = formatCmdline(args, 'redacted');
    const again = formatCmdline(parseCmdline(Buffer.from(input)), 'redacted');
    expectAlike(redacted, again, 'a command line is redacted the same way each time');
    expectThat(formatCmdline(args, 'none') === null || args.length === 0, 'no command line is shown');
    return [args.length, redacted, programName(null, args), programName('/usr/bin/x', args)];
  },
};

export const procfsTargets: readonly Target[] = [netTables, netTexts, pidFiles, cmdlines];
