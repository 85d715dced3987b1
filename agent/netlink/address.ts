/**
 * RTM_GETADDR: addresses of interfaces. struct ifaddrmsg (linux/if_addr.h), 8 bytes: u8 family, u8 prefix length,
 * u8 flags, u8 scope, u32 interface index in the host's byte order; then attributes, with addresses in network order.
 */
import { formatIp, type IpAddress, prefixLengthOf } from '../../model/ip.ts';
import { parseAttributes } from './attribute.ts';
import type { NetlinkMessage } from './message.ts';
import type { DumpRequest } from './route-socket.ts';

const getAddress = 22;
const newAddress = 20;
const headerBytes = 8;

/** IFA_ADDRESS is the peer's on a point-to-point link, where IFA_LOCAL is ours; IPv6 mostly has IFA_ADDRESS alone. */
const attributeTypes = { address: 1, local: 2 } as const;

export interface LinkAddress {
  readonly linkIndex: number;
  readonly ip: IpAddress;
  readonly prefixLength: number;
}

/** Of every family. */
export const addressDump: DumpRequest<LinkAddress> = {
  type: getAddress,
  payload: Buffer.alloc(headerBytes),
  parse: parseLinkAddress,
};

/** Null when the message is no address of IPv4 or IPv6. */
export function parseLinkAddress(message: NetlinkMessage): LinkAddress | null {
  const { payload } = message;
  if (message.type !== newAddress || payload.length < headerBytes) return null;
  const attributes = parseAttributes(payload.subarray(headerBytes));
  const bytes = attributes.get(attributeTypes.local) ?? attributes.get(attributeTypes.address);
  if (bytes === undefined || (bytes.length !== 4 && bytes.length !== 16)) return null;
  const ip = formatIp(bytes);
  const prefixLength = prefixLengthOf(ip, bytes.length, payload[1]!);
  return prefixLength === null ? null : { linkIndex: payload.readUInt32LE(4), ip, prefixLength };
}
