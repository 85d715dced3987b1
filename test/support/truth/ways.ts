/** The two ends of a conversation as their kernels show them, for each way in which it can be translated on its way. */
import { hostNetns } from '../reported-fleet.ts';

/** Two containers on a bridge that every host has alike, a pod that is routed, and a namespace with another's address. */
export const [webNetns, apiNetns, podNetns, twinNetns] = [2, 3, 4, 5] as const;
export const innerNamespaces = [webNetns, apiNetns, podNetns, twinNetns] as const;

/** Addresses of every host with containers. */
export const [webIp, apiIp, bridgeIp] = ['172.17.0.2', '172.17.0.3', '172.17.0.1'];
export const bridgeNetwork = '172.17.0.0/16';

/** Of a gateway, of a balancer before servers, and of strangers: nobody's who has an agent. */
const [gatewayIp, balancerIp, strangerIp] = ['192.0.2.1', '192.0.2.2', '198.51.100.7'];
const vip = '10.96.0.1:443';

/** How a conversation gets from one end to the other, as NAT.md of conntrack and of boxes without an agent has it. */
export const conversationKinds = [
  'hosts',
  'hosts-v6',
  'loopback',
  'self',
  'containers',
  'container-to-host',
  'masquerade',
  'published',
  'masquerade-to-published',
  'hairpin',
  'cluster-ip',
  'node-port',
  'gateway-before-client',
  'gateway-before-masquerade',
  'gateway-before-server',
  'stranger-client',
  'stranger-server',
  'twin-client',
] as const;
export type ConversationKind = (typeof conversationKinds)[number];

/** Those of which some box that has no agent translates one side, unheard. */
export const gatewayKinds: readonly ConversationKind[] = [
  'gateway-before-client',
  'gateway-before-masquerade',
  'gateway-before-server',
];

export interface TrueEnd {
  /** Which host of the fleet. */
  readonly host: number;
  readonly netns: number;
  /** As endpoints: `10.0.0.1:80`, `[fd00::1]:80`. */
  readonly local: string;
  readonly remote: string;
  /** What conntrack of its host would tell, as `local>remote`; empty where nothing translates. */
  readonly stages: readonly string[];
}

/** A host that passes a conversation on. */
export interface TrueFlow {
  readonly host: number;
  readonly dialed: string;
  readonly forwarded: string;
}

export interface TrueWay {
  /** null = an end that no agent sees. A socket connected to itself is the client alone. */
  readonly client: TrueEnd | null;
  readonly server: TrueEnd | null;
  readonly flow: TrueFlow | null;
}

/** A host as others reach it. */
export interface Site {
  readonly number: number;
  readonly ip: string;
  readonly ipv6: string;
  readonly podIp: string;
}

export interface Dialing {
  readonly kind: ConversationKind;
  readonly client: Site;
  readonly server: Site;
  /** Neither, and in the same realm; it passes on what a NodePort takes, and has the address of a twin. */
  readonly third: Site;
  readonly port: number;
}

type Tuple = readonly [local: string, remote: string];

function end(site: Site, netns: number, [local, remote]: Tuple, ...stages: Tuple[]): TrueEnd {
  return { host: site.number, netns, local, remote, stages: stages.map(textOf) };
}

function textOf([local, remote]: Tuple): string {
  return `${local}>${remote}`;
}

function turned([local, remote]: Tuple): Tuple {
  return [remote, local];
}

/**
 * @param generation of the client's four-tuple: translation takes another port for each, and the same again after two.
 */
export function wayOf(dialing: Dialing, generation: number): TrueWay {
  const taken = 61_000 + 10 * (dialing.port % 10) + (generation % 2);
  return (
    plainWay(dialing) ??
    translatedWay(dialing, taken) ??
    unheardWay(dialing, taken) ?? { client: null, server: null, flow: null }
  );
}

/** What nothing translates; null where something does. */
function plainWay({ kind, client: c, server: s, third, port }: Dialing): TrueWay | null {
  const between = (from: TrueEnd | null, to: TrueEnd | null): TrueWay => ({
    client: from,
    server: to,
    flow: null,
  });
  const plain: Tuple = [`${c.ip}:${port}`, `${s.ip}:80`];
  switch (kind) {
    case 'hosts':
      return between(end(c, hostNetns, plain), end(s, hostNetns, turned(plain)));
    case 'hosts-v6': {
      const there: Tuple = [`[${c.ipv6}]:${port}`, `[${s.ipv6}]:80`];
      return between(end(c, hostNetns, there), end(s, hostNetns, turned(there)));
    }
    case 'loopback': {
      const there: Tuple = [`127.0.0.1:${port}`, '127.0.0.1:80'];
      return between(end(c, hostNetns, there), end(c, hostNetns, turned(there)));
    }
    case 'self': {
      const itself = `${c.ip}:${port + 5_000}`;
      return between(end(c, hostNetns, [itself, itself]), null);
    }
    case 'containers': {
      const there: Tuple = [`${webIp}:${port}`, `${apiIp}:80`];
      return between(end(c, webNetns, there), end(c, apiNetns, turned(there)));
    }
    case 'container-to-host': {
      const there: Tuple = [`${webIp}:${port}`, `${c.ip}:80`];
      return between(end(c, webNetns, there), end(c, hostNetns, turned(there)));
    }
    case 'stranger-client':
      return between(null, end(s, hostNetns, [`${s.ip}:80`, `${strangerIp}:${port}`]));
    case 'stranger-server':
      return between(end(c, hostNetns, [`${c.ip}:${port}`, `${strangerIp}:443`]), null);
    case 'twin-client':
      // Another network with the same addresses, of which this host sees one end.
      return between(end(c, twinNetns, [`${third.ip}:${port}`, `${s.ip}:80`]), null);
    default:
      return null;
  }
}

/** What hosts with agents translate; null where none does. */
function translatedWay({ kind, client: c, server: s, third, port }: Dialing, taken: number): TrueWay | null {
  const at = (ip: string, n: number): string => `${ip}:${n}`;
  const between = (from: TrueEnd, to: TrueEnd, flow: TrueFlow | null = null): TrueWay => ({
    client: from,
    server: to,
    flow,
  });
  switch (kind) {
    case 'masquerade': {
      const wire: Tuple = [at(c.ip, taken), at(s.ip, 80)];
      return between(
        end(c, webNetns, [at(webIp, port), at(s.ip, 80)], wire),
        end(s, hostNetns, turned(wire)),
      );
    }
    case 'published': {
      const wire: Tuple = [at(c.ip, port), at(s.ip, 18_080)];
      const inside: Tuple = [at(apiIp, 9007), at(c.ip, port)];
      return between(end(c, hostNetns, wire), end(s, apiNetns, inside, turned(wire)));
    }
    case 'masquerade-to-published': {
      const wire: Tuple = [at(c.ip, taken), at(s.ip, 18_080)];
      const inside: Tuple = [at(apiIp, 9007), at(c.ip, taken)];
      return between(
        end(c, webNetns, [at(webIp, port), at(s.ip, 18_080)], wire),
        end(s, apiNetns, inside, turned(wire)),
      );
    }
    case 'hairpin': {
      const dialed: Tuple = [at(webIp, port), at(c.ip, 18_080)];
      const inside: Tuple = [at(bridgeIp, taken), at(apiIp, 9007)];
      return between(end(c, webNetns, dialed, inside), end(c, apiNetns, turned(inside), turned(dialed)));
    }
    case 'cluster-ip': {
      const wire: Tuple = [at(c.ip, port), at(s.podIp, 8443)];
      return between(end(c, hostNetns, [at(c.ip, port), vip], wire), end(s, podNetns, turned(wire)));
    }
    case 'node-port': {
      const dialed: Tuple = [at(c.ip, port), at(third.ip, 30_443)];
      const forwarded: Tuple = [at(third.ip, taken), at(s.podIp, 8443)];
      const flow = { host: third.number, dialed: textOf(dialed), forwarded: textOf(forwarded) };
      return between(end(c, hostNetns, dialed), end(s, podNetns, turned(forwarded)), flow);
    }
    default:
      return null;
  }
}

/** What a box without an agent translates, so that nobody tells how. */
function unheardWay({ kind, client: c, server: s, port }: Dialing, taken: number): TrueWay | null {
  const gatewayPort = 20_000 + 1_000 * c.number + (taken % 1_000);
  const arriving: Tuple = [`${s.ip}:80`, `${gatewayIp}:${gatewayPort}`];
  switch (kind) {
    case 'gateway-before-client': {
      const client = end(c, hostNetns, [`${c.ip}:${port}`, `${s.ip}:80`]);
      return { client, server: end(s, hostNetns, arriving), flow: null };
    }
    case 'gateway-before-masquerade': {
      const wire: Tuple = [`${c.ip}:${taken}`, `${s.ip}:80`];
      const client = end(c, webNetns, [`${webIp}:${port}`, `${s.ip}:80`], wire);
      return {
        client,
        server: end(s, hostNetns, [`${s.ip}:80`, `${gatewayIp}:${gatewayPort + 500}`]),
        flow: null,
      };
    }
    case 'gateway-before-server': {
      const client = end(c, hostNetns, [`${c.ip}:${port}`, `${balancerIp}:443`]);
      return { client, server: end(s, podNetns, [`${s.podIp}:8443`, `${c.ip}:${port}`]), flow: null };
    }
    default:
      return null;
  }
}
