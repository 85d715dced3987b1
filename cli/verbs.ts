/** All verbs: names, flags and examples. Their code is loaded when one is called. */
import type { Verb, VerbOption } from './verb.ts';

/** Flags that mean nothing to a verb which asks no aggregator and shows few rows. */
const offline: readonly string[] = ['limit', 'sort', 'columns', 'insecure'];

const lists = 'table, wide, json, ndjson or csv';
const graphs = 'table, wide, json, ndjson, csv, dot or mermaid';

const sourceOption: VerbOption = {
  flags: '--source <way>',
  description: 'how sockets are read: auto, ebpf, ebpf-files, sockdiag or procfs (default: auto)',
};

const agentOptions: readonly VerbOption[] = [
  { flags: '--host-id <id>', description: 'identity of this host (default: from /etc/machine-id, hashed)' },
  { flags: '--host-name <name>', description: 'name of this host (default: its host name)' },
  { flags: '--interval <duration>', description: 'time between two looks at the sockets (default: 1s)' },
  {
    flags: '--cpu-max <percent>',
    description: 'of one core, on average: looks get further apart to keep to it; 0 = no limit (default: 2)',
  },
  { flags: '--procfs <path>', description: 'where proc is mounted (default: /proc)' },
  sourceOption,
  {
    flags: '--events <way>',
    description: 'how connections between two looks are heard of: auto, ebpf, destroy or off (default: auto)',
  },
  { flags: '--label <k=v>', description: 'a label of this host; may be repeated', isRepeatable: true },
  { flags: '--nat <mode>', description: 'auto: ask conntrack for translations; off: do not (default: auto)' },
  { flags: '--cmdline <mode>', description: 'full, redacted or none (default: redacted)' },
  {
    flags: '--kubelet <url>',
    description: 'ask the kubelet for names of pods, such as https://127.0.0.1:10250 (default: do not)',
  },
  {
    flags: '--kubelet-token <file>',
    description: "holds the token for it (default: that of the agent's service account)",
  },
  {
    flags: '--kubelet-ca <file>',
    description: "certificates that it may have (default: those of the agent's service account)",
  },
  { flags: '--metrics <host:port>', description: "the agent's own metrics (default: none)" },
  {
    flags: '--spool <folder>',
    description: 'keeps what no aggregator took yet; none = in memory (default: in the state folder)',
  },
  { flags: '--spool-max <size>', description: 'how much of that at most (default: 256M)' },
];

const dataOption: VerbOption = {
  flags: '--data <dir>',
  description: 'the folder of the aggregator (default: data in $XDG_STATE_HOME/whotalks)',
};

const agentTlsOptions: readonly VerbOption[] = [
  {
    flags: '--ca <file>',
    description: "the aggregator's ca.crt (default: plaintext on loopback, else public CAs)",
  },
  { flags: '--ca-sha256 <hex>', description: 'the fingerprint of its CA, in place of a file' },
  { flags: '--token-file <file>', description: 'holds a join token, for a host that has no certificate' },
  { flags: '--cert <file>', description: 'a certificate of your own for this host, with --key' },
  { flags: '--key <file>', description: 'the key of --cert' },
];

const aggregatorTlsOptions: readonly VerbOption[] = [
  { flags: '--cert <file>', description: 'a certificate of your own for the server, with --key' },
  { flags: '--key <file>', description: 'the key of --cert' },
  {
    flags: '--ca <file>',
    description: 'the CA of certificates that agents may have, beside that of "ca init"',
  },
  { flags: '--certificate-life <duration>', description: 'of the certificates of agents (default: 24h)' },
];

const aggregatorOptions: readonly VerbOption[] = [
  {
    flags: '--listen <host:port>',
    description: 'gRPC, for agents and this command (default: 127.0.0.1:7443)',
  },
  { flags: '--http <host:port>', description: 'page, API and metrics (default: 127.0.0.1:7480)' },
  {
    flags: '--http-name <name>',
    description: 'a further name under which people open the page; may be repeated',
    isRepeatable: true,
  },
  {
    flags: '--linger <duration>',
    description: 'how long closed connections stay in the live view (default: 15m)',
  },
  {
    flags: '--data <dir>',
    description: 'what outlives a restart; none = keep it in memory (default: under $XDG_STATE_HOME)',
  },
  { flags: '--data-max <size>', description: 'of the journal in it (default: 1GiB)' },
];

export const verbs: readonly Verb[] = [
  {
    name: 'up',
    operand: '',
    summary: 'aggregator, agent of this host and page in one command, on loopback',
    examples: ['up'],
    shared: 'daemon',
    formats: '',
    options: [...aggregatorOptions, ...agentOptions],
    load: () => import('./verbs/up.ts'),
  },
  {
    name: 'agent',
    operand: '',
    summary: 'the agent of this host: streams its connections to an aggregator',
    examples: [
      'agent --server 127.0.0.1:7443 --label tier=web',
      'agent --server map.example.net:7443 --ca ca.crt --token-file join-token',
    ],
    shared: 'daemon',
    formats: '',
    options: [
      { flags: '--server <host:port>', description: 'the aggregator (default: 127.0.0.1:7443)' },
      { flags: '--realm <realm>', description: 'the address space this host is in (default: default)' },
      ...agentTlsOptions,
      ...agentOptions,
    ],
    load: () => import('./verbs/agent.ts'),
  },
  {
    name: 'aggregator',
    operand: '',
    summary: 'the aggregator: gives each connection both its ends, and answers',
    examples: [
      'aggregator --listen 127.0.0.1:7443 --http 127.0.0.1:7480',
      'aggregator --listen 0.0.0.0:7443 --http 0.0.0.0:7480',
    ],
    shared: 'daemon',
    formats: '',
    options: [
      ...aggregatorOptions,
      ...aggregatorTlsOptions,
      {
        flags: '--nats <url>',
        description: 'a NATS server to publish to; may be repeated',
        isRepeatable: true,
      },
    ],
    load: () => import('./verbs/aggregator.ts'),
  },
  {
    name: 'sockets',
    operand: '[filter...]',
    summary: 'the sockets of this host with their owners; needs no aggregator',
    examples: ['sockets :443', 'sockets --pid 25465 --fd 101'],
    shared: 'printing',
    formats: lists,
    options: [
      { flags: '--pid <n>', description: 'sockets of this process' },
      { flags: '--fd <n>', description: 'with --pid: the one connection behind this file descriptor' },
      { flags: '--procfs <path>', description: 'where proc is mounted (default: /proc)' },
      sourceOption,
    ],
    load: () => import('./verbs/sockets.ts'),
  },
  {
    name: 'to',
    operand: '<target>',
    summary: 'who talks to TARGET, and who listens there',
    examples: ['to 10.1.100.9:8743', 'to checkout', 'to 10.0.0.0/8'],
    shared: 'question',
    formats: lists,
    options: [],
    load: () => import('./verbs/to.ts'),
  },
  {
    name: 'from',
    operand: '<source>',
    summary: 'whom SOURCE talks to',
    examples: ['from web-7', 'from 10.1.17.138'],
    shared: 'question',
    formats: lists,
    options: [],
    load: () => import('./verbs/from.ts'),
  },
  {
    name: 'connections',
    operand: '[filter...]',
    summary: 'one row per connection, both ends',
    examples: ['connections checkout and not :5432', 'connections 10.1.0.0/16 -o json'],
    shared: 'question',
    formats: lists,
    options: [],
    load: () => import('./verbs/connections.ts'),
  },
  {
    name: 'listeners',
    operand: '[filter...]',
    summary: 'listening sockets, with how many clients use each, including none',
    examples: ['listeners web-7 --sort -clients'],
    shared: 'question',
    formats: lists,
    options: [],
    load: () => import('./verbs/listeners.ts'),
  },
  {
    name: 'services',
    operand: '[filter...]',
    summary: 'all services, with hosts, ports and neighbours',
    examples: ['services -o wide'],
    shared: 'question',
    formats: lists,
    options: [],
    load: () => import('./verbs/services.ts'),
  },
  {
    name: 'hosts',
    operand: '[filter...]',
    summary: 'all agents: state, losses, clock, matches, and what they cannot see',
    examples: ['hosts'],
    shared: 'question',
    formats: lists,
    options: [],
    load: () => import('./verbs/hosts.ts'),
  },
  {
    name: 'deps',
    operand: '<service>',
    summary: 'what SERVICE needs, or with --reverse what needs it: the blast radius',
    examples: ['deps checkout --depth 2', 'deps store --reverse'],
    shared: 'question',
    formats: graphs,
    options: [
      { flags: '--depth <n>', description: 'levels (default: all)' },
      { flags: '--reverse', description: 'what needs it, instead of what it needs' },
    ],
    load: () => import('./verbs/deps.ts'),
  },
  {
    name: 'map',
    operand: '[filter...]',
    summary: 'the whole service map',
    examples: ['map -o dot | dot -Tsvg > map.svg', 'map -o mermaid'],
    shared: 'question',
    formats: graphs,
    options: [],
    load: () => import('./verbs/map.ts'),
  },
  {
    name: 'watch',
    operand: '[filter...]',
    summary: 'what opens, closes or is new, as it happens',
    examples: ['watch :5432', 'watch -o ndjson | jq .kind'],
    shared: 'question',
    without: ['sort', 'columns'],
    formats: 'table, json or ndjson',
    options: [],
    load: () => import('./verbs/watch.ts'),
  },
  {
    name: 'doctor',
    operand: '',
    summary: 'what can and cannot be seen on this host, why, and how to fix it',
    examples: ['doctor'],
    shared: 'question',
    without: ['limit', 'sort', 'columns'],
    formats: 'table or json',
    options: [{ flags: '--procfs <path>', description: 'where proc is mounted (default: /proc)' }],
    load: () => import('./verbs/doctor.ts'),
  },
  {
    name: 'demo',
    operand: '',
    summary: 'simulated hosts, into a running aggregator or one of its own',
    examples: ['demo', 'demo --hosts 20 --services 12 --seed 7 --server 127.0.0.1:7443'],
    shared: 'daemon',
    formats: '',
    options: [
      { flags: '--server <host:port>', description: 'a running aggregator (default: starts one)' },
      { flags: '--hosts <n>', description: 'simulated hosts (default: 8)' },
      { flags: '--services <n>', description: 'services on them (default: 10)' },
      { flags: '--seed <n>', description: 'equal seeds make equal fleets (default: 1)' },
      ...aggregatorOptions.slice(0, 3),
    ],
    load: () => import('./verbs/demo.ts'),
  },
  {
    name: 'ca',
    operand: '<action...>',
    summary: 'the CA of a fleet: init, show, ban HOST_ID, unban HOST_ID',
    examples: ['ca init --name map.example.net', 'ca ban 5f3a9c1e-0d4b-8a77-b2c6-1f0e9d8c7b6a'],
    shared: 'printing',
    without: offline,
    formats: 'table or json',
    options: [
      dataOption,
      {
        flags: '--name <host>',
        description: 'init: a name or address under which agents reach the aggregator; may be repeated',
        isRepeatable: true,
      },
    ],
    load: () => import('./verbs/ca.ts'),
  },
  {
    name: 'token',
    operand: '<action...>',
    summary: 'tokens: create, list, revoke ID; for hosts that enrol, and for people and programs that ask',
    examples: ['token create --join > join-token', 'token create --role read --name ann', 'token list'],
    shared: 'printing',
    without: offline.filter((flag) => flag !== 'columns'),
    formats: lists,
    options: [
      dataOption,
      { flags: '--join', description: 'create: one host may enrol with it' },
      {
        flags: '--host <host-id>',
        description: 'create --join: this host alone, also one that has a certificate',
      },
      { flags: '--role <roles>', description: 'create: read, read:cmdline or admin, separated by commas' },
      { flags: '--name <name>', description: 'create: whose it is' },
      {
        flags: '--expires <duration>',
        description: 'create: when it ends, such as 30d, or never (default: 10m with --join, else 365d)',
      },
    ],
    load: () => import('./verbs/token.ts'),
  },
  {
    name: 'audit',
    operand: '',
    summary: 'the audit log: who was let in, refused, banned, and which tokens were made and used',
    examples: ['audit', 'audit --verify', 'audit --limit 1000 -o csv'],
    shared: 'printing',
    without: ['sort', 'insecure'],
    formats: lists,
    options: [
      dataOption,
      { flags: '--verify', description: 'whether a line was changed or taken out; exit code 3 if so' },
    ],
    load: () => import('./verbs/audit.ts'),
  },
];

/** Known to the documents of whotalks and not built yet: who types one is told so, instead of being corrected. */
export const laterVerbs = ['path', 'diff', 'check', 'policy', 'explain', 'completion'] as const;
