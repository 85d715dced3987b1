/** Set-ups in which addresses are translated, as conntrack and the sockets of both ends show them. */
import type { JoinRule } from '../../../model/document.ts';
import { hostNetns } from '../../support/reported-fleet.ts';

/** Tuples are `local>remote`. */
export interface SetupEnd {
  readonly host: string;
  readonly netns: number;
  readonly socket: string;
  /** What conntrack of its host tells, from the socket outward; null = nothing. */
  readonly stages: readonly string[] | null;
}

export interface Setup {
  readonly name: string;
  readonly client: SetupEnd;
  readonly server: SetupEnd;
  /** A host in between that passes it on. */
  readonly flows?: readonly { readonly host: string; readonly dialed: string; readonly forwarded: string }[];
  readonly joinedBy: JoinRule;
  readonly nat: { readonly clientDialed: string; readonly serverSaw: string } | null;
}

/** Namespaces of containers, on every host. */
export const containers = { k1: 11, k2: 12, p1: 13, p2: 14 } as const;

/**
 * Three hosts alike, 10.0.0.1 to .3, each with a bridge 172.17.0.1/16 of containers k1 (.2) and k2 (.3), and two pods that
 * are routed, 10.244.N.2 and .3.
 */
export const hostNames = ['h1', 'h2', 'h3'] as const;

const [k1, k2] = ['172.17.0.2', '172.17.0.3'];
const [h1, h2, h3] = ['10.0.0.1', '10.0.0.2', '10.0.0.3'];

function end(host: string, netns: number, socket: string, stages: readonly string[] | null = null): SetupEnd {
  return { host, netns, socket, stages };
}

export const setups: readonly Setup[] = [
  {
    name: 'no NAT',
    client: end('h1', hostNetns, `${h1}:40000>${h2}:80`),
    server: end('h2', hostNetns, `${h2}:80>${h1}:40000`),
    joinedBy: 'wire',
    nat: null,
  },
  {
    name: 'conntrack that translates nothing',
    client: end('h1', hostNetns, `${h1}:40000>${h2}:80`, []),
    server: end('h2', hostNetns, `${h2}:80>${h1}:40000`, []),
    joinedBy: 'wire',
    nat: null,
  },
  {
    name: 'masquerade, with a port that clashes',
    client: end('h1', containers.k1, `${k1}:45000>${h2}:80`, [`${h1}:62203>${h2}:80`]),
    server: end('h2', hostNetns, `${h2}:80>${h1}:62203`),
    joinedBy: 'wire',
    nat: { clientDialed: `${h2}:80`, serverSaw: `${h1}:62203` },
  },
  {
    name: 'a published port',
    client: end('h2', hostNetns, `${h2}:40000>${h1}:18080`),
    server: end('h1', containers.k1, `${k1}:9007>${h2}:40000`, [`${h1}:18080>${h2}:40000`]),
    joinedBy: 'wire',
    nat: { clientDialed: `${h1}:18080`, serverSaw: `${h2}:40000` },
  },
  {
    name: 'masquerade at one end and a published port at the other',
    client: end('h2', containers.k2, `${k2}:40000>${h1}:18080`, [`${h2}:40000>${h1}:18080`]),
    server: end('h1', containers.k1, `${k1}:9007>${h2}:40000`, [`${h1}:18080>${h2}:40000`]),
    joinedBy: 'wire',
    nat: { clientDialed: `${h1}:18080`, serverSaw: `${h2}:40000` },
  },
  {
    name: 'a published port, dialed on its own host',
    client: end('h1', hostNetns, `${h1}:40000>${h1}:18080`, [`${h1}:40000>${k1}:9007`]),
    server: end('h1', containers.k1, `${k1}:9007>${h1}:40000`, [`${h1}:18080>${h1}:40000`]),
    joinedBy: 'same-host',
    nat: { clientDialed: `${h1}:18080`, serverSaw: `${h1}:40000` },
  },
  {
    name: 'a published port, dialed on the loopback of its host',
    client: end('h1', hostNetns, `127.0.0.1:40000>127.0.0.1:18080`, [`172.17.0.1:40000>${k1}:9007`]),
    server: end('h1', containers.k1, `${k1}:9007>172.17.0.1:40000`, [`127.0.0.1:18080>127.0.0.1:40000`]),
    joinedBy: 'same-host',
    nat: { clientDialed: '127.0.0.1:18080', serverSaw: '172.17.0.1:40000' },
  },
  {
    name: 'hairpin, masqueraded',
    client: end('h1', containers.k2, `${k2}:40000>${h1}:18080`, [`172.17.0.1:40000>${k1}:9007`]),
    server: end('h1', containers.k1, `${k1}:9007>172.17.0.1:40000`, [`${h1}:18080>${k2}:40000`]),
    joinedBy: 'same-host',
    nat: { clientDialed: `${h1}:18080`, serverSaw: '172.17.0.1:40000' },
  },
  {
    name: 'hairpin to itself',
    client: end('h1', containers.k1, `${k1}:40000>${h1}:18080`, [`172.17.0.1:40000>${k1}:9007`]),
    server: end('h1', containers.k1, `${k1}:9007>172.17.0.1:40000`, [`${h1}:18080>${k1}:40000`]),
    joinedBy: 'same-host',
    nat: { clientDialed: `${h1}:18080`, serverSaw: '172.17.0.1:40000' },
  },
  {
    name: 'hairpin, not masqueraded',
    client: end('h1', containers.k2, `${k2}:40000>${h1}:18080`, [`${k2}:40000>${k1}:9007`]),
    server: end('h1', containers.k1, `${k1}:9007>${k2}:40000`, [`${h1}:18080>${k2}:40000`]),
    joinedBy: 'same-host',
    nat: { clientDialed: `${h1}:18080`, serverSaw: `${k2}:40000` },
  },
  {
    name: 'ClusterIP from a pod to a pod of another host',
    client: end('h1', containers.p1, '10.244.1.2:40000>10.96.0.1:443', ['10.244.1.2:40000>10.244.2.3:8443']),
    server: end('h2', containers.p2, '10.244.2.3:8443>10.244.1.2:40000'),
    joinedBy: 'wire',
    nat: { clientDialed: '10.96.0.1:443', serverSaw: '10.244.1.2:40000' },
  },
  {
    name: 'ClusterIP from a host',
    client: end('h1', hostNetns, `${h1}:40000>10.96.0.1:443`, [`${h1}:40000>10.244.2.3:8443`]),
    server: end('h2', containers.p2, `10.244.2.3:8443>${h1}:40000`, []),
    joinedBy: 'wire',
    nat: { clientDialed: '10.96.0.1:443', serverSaw: `${h1}:40000` },
  },
  {
    name: 'ClusterIP to a pod of the same host',
    client: end('h1', containers.p1, '10.244.1.2:40000>10.96.0.1:443', ['10.244.1.2:40000>10.244.1.3:8443']),
    server: end('h1', containers.p2, '10.244.1.3:8443>10.244.1.2:40000', ['10.96.0.1:443>10.244.1.2:40000']),
    joinedBy: 'same-host',
    nat: { clientDialed: '10.96.0.1:443', serverSaw: '10.244.1.2:40000' },
  },
  {
    name: 'NodePort: passed on to a pod of another host',
    client: end('h3', hostNetns, `${h3}:40000>${h1}:30443`),
    server: end('h2', containers.p2, `10.244.2.3:8443>${h1}:50000`),
    flows: [{ host: 'h1', dialed: `${h3}:40000>${h1}:30443`, forwarded: `${h1}:50000>10.244.2.3:8443` }],
    joinedBy: 'forwarder',
    nat: { clientDialed: `${h1}:30443`, serverSaw: `${h1}:50000` },
  },
  {
    name: 'NodePort from a container, behind a balancer',
    client: end('h3', containers.k1, `${k1}:40000>10.0.9.9:443`, [`${h3}:41000>10.0.9.9:443`]),
    server: end('h2', containers.p2, `10.244.2.3:8443>${h1}:50000`),
    flows: [
      { host: 'h2', dialed: `${h3}:41000>10.0.9.9:443`, forwarded: `${h3}:41000>${h1}:30443` },
      { host: 'h1', dialed: `${h3}:41000>${h1}:30443`, forwarded: `${h1}:50000>10.244.2.3:8443` },
    ],
    joinedBy: 'forwarder',
    nat: { clientDialed: '10.0.9.9:443', serverSaw: `${h1}:50000` },
  },
  {
    name: 'NAT66 masquerade',
    client: end('h1', containers.k1, '[fd00:17::2]:40000>[fd00::2]:80', ['[fd00::1]:40000>[fd00::2]:80']),
    server: end('h2', hostNetns, '[fd00::2]:80>[fd00::1]:40000'),
    joinedBy: 'wire',
    nat: { clientDialed: '[fd00::2]:80', serverSaw: '[fd00::1]:40000' },
  },
  {
    name: 'NAT66 published port',
    client: end('h2', hostNetns, '[fd00::2]:40000>[fd00::1]:18080'),
    server: end('h1', containers.k1, '[fd00:17::2]:9007>[fd00::2]:40000', [
      '[fd00::1]:18080>[fd00::2]:40000',
    ]),
    joinedBy: 'wire',
    nat: { clientDialed: '[fd00::1]:18080', serverSaw: '[fd00::2]:40000' },
  },
  {
    name: 'a sidecar that takes what its container sends',
    client: end('h1', containers.k1, `${k1}:40000>${h2}:9003`, [`${k1}:40000>127.0.0.1:15001`]),
    server: end('h1', containers.k1, `127.0.0.1:15001>${k1}:40000`, [`${h2}:9003>${k1}:40000`]),
    joinedBy: 'same-host',
    nat: { clientDialed: `${h2}:9003`, serverSaw: `${k1}:40000` },
  },
  {
    name: 'a container and its own host',
    client: end('h1', containers.k1, `${k1}:40000>${h1}:80`),
    server: end('h1', hostNetns, `${h1}:80>${k1}:40000`),
    joinedBy: 'same-host',
    nat: null,
  },
  {
    name: 'routed pods',
    client: end('h1', containers.p1, '10.244.1.2:40000>10.244.2.3:8443', []),
    server: end('h2', containers.p2, '10.244.2.3:8443>10.244.1.2:40000'),
    joinedBy: 'wire',
    nat: null,
  },
];
