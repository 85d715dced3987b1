/**
 * Messages of ctnetlink (linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h): struct nfgenmsg, 4 bytes (u8 family, u8
 * version, be16 resource id), then attributes. Headers of attributes are in the host's byte order, values in network order.
 */
import { encodeMessage, messageFlagBits } from './message.ts';

/** NETLINK_NETFILTER. */
export const netlinkNetfilter = 12;

/** NFNL_SUBSYS_CTNETLINK in the upper byte, IPCTNL_MSG_CT_* in the lower. */
export const conntrackTypes = { entry: 0x100, get: 0x101, gone: 0x102, statistics: 0x105 } as const;

/** CTA_* of linux/netfilter/nfnetlink_conntrack.h. */
export const conntrackAttributes = {
  original: 1,
  reply: 2,
  status: 3,
  protocolState: 4,
  timeout: 7,
  id: 12,
  zone: 18,
  filter: 25,
  statusMask: 26,
} as const;

/** enum ip_conntrack_status of linux/netfilter/nf_conntrack_common.h. */
export const statusBits = {
  sourceTranslated: 0x10,
  destinationTranslated: 0x20,
  /** A hook of NAT has seen it, whether it translated or not: NAT is configured in its namespace. */
  passedNat: 0x180,
} as const;

export const translatedBits = statusBits.sourceTranslated | statusBits.destinationTranslated;

/** AF_UNSPEC: of every family. */
export const everyFamily = 0;

/** struct nlmsghdr and struct nfgenmsg. */
export const messageHeaderBytes = 16;
export const headersBytes = 20;

export function encodeConntrackMessage(
  type: number,
  isDump: boolean,
  family: number,
  sequence: number,
  attributes: readonly Buffer[],
): Buffer {
  const flags = messageFlagBits.request | (isDump ? messageFlagBits.dump : 0);
  const payload = Buffer.concat([Buffer.from([family, 0, 0, 0]), ...attributes]);
  return encodeMessage({ type, flags, sequence, payload });
}

/** What is wrong with a message: the attribute, and what it is. */
export class ConntrackMessageError extends Error {
  override readonly name = 'ConntrackMessageError';
  readonly field: string;

  constructor(field: string, problem: string) {
    super(`${field} ${problem}`);
    this.field = field;
  }
}
