/** Conversations between three hosts of which both ends are reported, in each way in which hosts translate (ways.ts). */
import {
  type ConversationKind as AnyKind,
  apiNetns,
  podNetns,
  type Site,
  type TrueEnd,
  type TrueFlow,
  wayOf as wayBetween,
  webNetns,
} from '../../support/truth/ways.ts';

export { apiNetns, podNetns };

export const hostCount = 3;
/** Two containers on a bridge that every host has alike, and a pod that is routed, of each host. */
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
] as const satisfies readonly AnyKind[];

export interface TrueWay {
  readonly ends: readonly [client: TrueEnd, server: TrueEnd];
  readonly flow: TrueFlow | null;
}

export interface Dialing {
  readonly kind: (typeof conversationKinds)[number];
  readonly client: number;
  /** From the client's host to the server's, where they are two. */
  readonly step: number;
  readonly port: number;
}

export const hostIp = (host: number): string => `10.0.0.${host + 1}`;
export const podIp = (host: number): string => `10.244.${host + 1}.2`;

function siteOf(number: number): Site {
  return { number, ip: hostIp(number), ipv6: `fd00::${number + 1}`, podIp: podIp(number) };
}

/**
 * @param generation of the client's four-tuple: translation takes another port for each, and the same again after two.
 */
export function wayOf({ kind, client, step, port }: Dialing, generation: number): TrueWay {
  const server = (client + step) % hostCount;
  const third = hostCount - client - server;
  const sites = { client: siteOf(client), server: siteOf(server), third: siteOf(third) };
  const way = wayBetween({ kind, ...sites, port }, generation);
  return { ends: [way.client!, way.server!], flow: way.flow };
}
