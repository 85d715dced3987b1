/**
 * RTM_GETLINK: network interfaces. struct ifinfomsg (linux/rtnetlink.h), 16 bytes in the host's byte order: u8 family,
 * u8 padding, u16 type, i32 index, u32 flags, u32 change; then attributes.
 */
import { encodeAttribute, parseAttributes, readI32, readText, readU32, u32 } from './attribute.ts';
import type { NetlinkMessage } from './message.ts';
import type { DumpRequest } from './route-socket.ts';

const getLink = 18;
const newLink = 16;
const headerBytes = 16;

/** IFLA_* of linux/if_link.h. */
const attributeTypes = { name: 3, master: 10, linkInfo: 18, extMask: 29, linkNetnsId: 37 } as const;

/** Nested in IFLA_LINKINFO. */
const infoKind = 1;

/** RTEXT_FILTER_SKIP_STATS: the counters are most of an answer and none of our business. */
const skipStatistics = 8;

/** Bridge ports are announced once more under AF_BRIDGE, without their kind. */
const afBridge = 7;

export interface Link {
  readonly index: number;
  readonly name: string;
  /** `bridge`, `veth`, `vxlan` ...; null for a physical device. */
  readonly kind: string | null;
  /** Index of the bridge or bond that it is a port of. */
  readonly masterIndex: number | null;
  /** By which number the namespace knows that of a veth's peer; null where that is in the same. -1 = by none. */
  readonly peerNetnsId: number | null;
}

/** All links of a namespace. */
export const linkDump: DumpRequest<Link> = {
  type: getLink,
  payload: Buffer.concat([
    Buffer.alloc(headerBytes),
    encodeAttribute(attributeTypes.extMask, u32(skipStatistics)),
  ]),
  parse: parseLink,
};

/** Null when the message is no link. */
export function parseLink(message: NetlinkMessage): Link | null {
  const { payload } = message;
  if (message.type !== newLink || payload.length < headerBytes || payload[0] === afBridge) return null;
  const attributes = parseAttributes(payload.subarray(headerBytes));
  const linkInfo = attributes.get(attributeTypes.linkInfo);
  return {
    index: payload.readInt32LE(4),
    name: readText(attributes.get(attributeTypes.name)) ?? '',
    kind: linkInfo === undefined ? null : readText(parseAttributes(linkInfo).get(infoKind)),
    masterIndex: readU32(attributes.get(attributeTypes.master)),
    peerNetnsId: readI32(attributes.get(attributeTypes.linkNetnsId)),
  };
}
