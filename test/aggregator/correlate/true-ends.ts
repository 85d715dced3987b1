/** The two ends of a conversation as their kernels would show them, for each way in which it can be translated. */
import { hostNetns } from '../../support/reported-fleet.ts';
import type { TrueEnd, TrueFlow } from '../../support/truth/ways.ts';

export const hostCount = 3;
/** Two containers on a bridge that every host has alike, and a pod that is routed, of each host. */
export const [webNetns, apiNetns, podNetns] = [2, 3, 4] as const;
export const innerNamespaces = [webNetns, apiNetns, podNetns] as const;

export const conversationKinds = [
  'hosts',
  'loopback',
  'containers',
  'container-to-host',
  'masquerade',
  'published',
  'masquerade-to-published',
  'hairpin',
  'cluster-ip',
  'node-port',
] as const;
export type ConversationKind = (typeof conversationKinds)[number];

export interface TrueWay {
  readonly ends: readonly [client: TrueEnd, server: TrueEnd];
  readonly flow: TrueFlow | null;
}

export interface Dialing {
  readonly kind: ConversationKind;
  readonly client: number;
  /** From the client's host to the server's, where they are two. */
  readonly step: number;
  readonly port: number;
}

export const hostIp = (host: number): string => `10.0.0.${host + 1}`;
export const podIp = (host: number): string => `10.244.${host + 1}.2`;
const [webIp, apiIp, bridgeIp] = ['172.17.0.2', '172.17.0.3', '172.17.0.1'];

function end(host: number, netns: number, tuple: string, ...stages: string[]): TrueEnd {
  const [local, remote] = tuple.split('>');
  return { host, netns, local: local!, remote: remote!, stages };
}

function way(client: TrueEnd, server: TrueEnd, flow: TrueFlow | null = null): TrueWay {
  return { ends: [client, server], flow };
}

/**
 * @param generation of the client's four-tuple: translation takes another port for each, and the same again after two.
 */
export function wayOf({ kind, client: c, step, port }: Dialing, generation: number): TrueWay {
  const s = (c + step) % hostCount;
  const [C, S] = [hostIp(c), hostIp(s)];
  const taken = 61_000 + 10 * (port % 10) + (generation % 2);
  switch (kind) {
    case 'hosts':
      return way(end(c, hostNetns, `${C}:${port}>${S}:80`), end(s, hostNetns, `${S}:80>${C}:${port}`));
    case 'loopback': {
      const there = `127.0.0.1:${port}>127.0.0.1:80`;
      return way(end(c, hostNetns, there), end(c, hostNetns, turned(there)));
    }
    case 'containers': {
      const there = `${webIp}:${port}>${apiIp}:80`;
      return way(end(c, webNetns, there), end(c, apiNetns, turned(there)));
    }
    case 'container-to-host': {
      const there = `${webIp}:${port}>${C}:80`;
      return way(end(c, webNetns, there), end(c, hostNetns, turned(there)));
    }
    case 'masquerade': {
      const wire = `${C}:${taken}>${S}:80`;
      return way(end(c, webNetns, `${webIp}:${port}>${S}:80`, wire), end(s, hostNetns, turned(wire)));
    }
    case 'published': {
      const wire = `${C}:${port}>${S}:18080`;
      return way(end(c, hostNetns, wire), end(s, apiNetns, `${apiIp}:9007>${C}:${port}`, turned(wire)));
    }
    case 'masquerade-to-published': {
      const wire = `${C}:${taken}>${S}:18080`;
      return way(
        end(c, webNetns, `${webIp}:${port}>${S}:18080`, wire),
        end(s, apiNetns, `${apiIp}:9007>${C}:${taken}`, turned(wire)),
      );
    }
    case 'hairpin': {
      const [dialed, inside] = [`${webIp}:${port}>${C}:18080`, `${bridgeIp}:${taken}>${apiIp}:9007`];
      return way(end(c, webNetns, dialed, inside), end(c, apiNetns, turned(inside), turned(dialed)));
    }
    case 'cluster-ip': {
      const wire = `${C}:${port}>${podIp(s)}:8443`;
      return way(end(c, hostNetns, `${C}:${port}>10.96.0.1:443`, wire), end(s, podNetns, turned(wire)));
    }
    case 'node-port': {
      const f = hostCount - c - s;
      const dialed = `${C}:${port}>${hostIp(f)}:30443`;
      const forwarded = `${hostIp(f)}:${taken}>${podIp(s)}:8443`;
      return way(end(c, hostNetns, dialed), end(s, podNetns, turned(forwarded)), {
        host: f,
        dialed,
        forwarded,
      });
    }
  }
}

function turned(tuple: string): string {
  return tuple.split('>').reverse().join('>');
}
