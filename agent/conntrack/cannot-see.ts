/** What is not known of translations, in plain sentences: what, why, and what to do. */

import { peersMax } from './datagram-peers.ts';

export interface NatBlindness {
  /** `--nat off`. */
  readonly isOff: boolean;
  /** Why netlink cannot be used: no koffi, another byte order, a copy of /proc; null = it can. */
  readonly problem: string | null;
  /** Why the agent may not ask, or why the kernel does not answer: name of an errno; null = it answers. */
  readonly refusal: string | null;
  /** Why other namespaces may not be entered; null = they may, or there are none. */
  readonly entryRefusal: string | null;
  /** Translated conversations were seen in a zone of their own. */
  readonly hasZones: boolean;
  /** Nothing is tracked in the agent's own namespace, and there are UDP sockets that are connected to none. */
  readonly isUntracked: boolean;
  /** Some table has more peers of such sockets than are told. */
  readonly isCrowded: boolean;
}

const shownAsSeen = 'are shown with the addresses that each end sees';

const withoutPeers = 'The peers of unconnected UDP sockets are not seen';

export function natCannotSee(blindness: NatBlindness): string[] {
  const { isOff, problem, refusal, entryRefusal, hasZones, isUntracked, isCrowded } = blindness;
  if (isOff)
    return [`Translated connections ${shownAsSeen}: --nat is off.`, `${withoutPeers}: --nat is off.`];
  if (problem !== null) {
    return [`Translated connections ${shownAsSeen}: ${problem}.`, `${withoutPeers}: ${problem}.`];
  }
  if (refusal !== null) {
    return [
      `Translated connections ${shownAsSeen}, because conntrack does not answer the agent (${refusal}): ` +
        'this needs CAP_NET_ADMIN and the module nf_conntrack_netlink; run as root.',
      `${withoutPeers}, because conntrack does not answer the agent (${refusal}).`,
    ];
  }
  const sentences: string[] = [];
  if (entryRefusal !== null) {
    sentences.push(
      `Connections that are translated inside other network namespaces ${shownAsSeen}, because the agent may not ` +
        `enter them (${entryRefusal}): this needs CAP_SYS_ADMIN.`,
    );
  }
  if (hasZones) {
    sentences.push(
      `Connections that are translated in a conntrack zone of their own (Open vSwitch, OVN) ${shownAsSeen}: ` +
        'which zone a connection is in cannot be asked.',
    );
  }
  if (isUntracked) {
    sentences.push(
      `${withoutPeers}, because the kernel tracks no connections here: it does once a rule of nftables asks for \`ct state\`.`,
    );
  }
  if (isCrowded) {
    sentences.push(
      `Some peers of unconnected UDP sockets are not seen: there are more than ${peersMax} in one network namespace.`,
    );
  }
  return sentences;
}
