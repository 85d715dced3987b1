/** Encodes what the kernel answers, for tests of what reads it. */
import type { LinkAddress } from '../../../agent/netlink/address.ts';
import { encodeAttribute, u32 } from '../../../agent/netlink/attribute.ts';
import type { Link } from '../../../agent/netlink/link.ts';
import type { NetlinkMessage } from '../../../agent/netlink/message.ts';
import { ipBytes, isIpv6 } from '../../../model/ip.ts';

/** RTM_NEWLINK. */
export function newLink(link: Link, sequence = 1): NetlinkMessage {
  const header = Buffer.alloc(16);
  header.writeInt32LE(link.index, 4);
  const parts = [header, encodeAttribute(3, Buffer.from(`${link.name}\0`))];
  if (link.kind !== null) parts.push(encodeAttribute(18, encodeAttribute(1, Buffer.from(`${link.kind}\0`))));
  if (link.masterIndex !== null) parts.push(encodeAttribute(10, u32(link.masterIndex)));
  if (link.hasPeerNetns) parts.push(encodeAttribute(37, u32(0)));
  return { type: 16, flags: 2, sequence, payload: Buffer.concat(parts) };
}

/** RTM_NEWADDR. @param peer the other end of a point-to-point link, for which IFA_ADDRESS stands then */
export function newLinkAddress(
  address: LinkAddress,
  peer: string | null = null,
  sequence = 1,
): NetlinkMessage {
  const header = Buffer.alloc(8);
  header[0] = isIpv6(address.ip) ? 10 : 2;
  header[1] = address.prefixLength;
  header.writeUInt32LE(address.linkIndex, 4);
  const parts = [header, encodeAttribute(1, Buffer.from(ipBytes(peer ?? address.ip)))];
  if (!isIpv6(address.ip)) parts.push(encodeAttribute(2, Buffer.from(ipBytes(address.ip))));
  return { type: 20, flags: 2, sequence, payload: Buffer.concat(parts) };
}

/** NLMSG_DONE (3) or NLMSG_ERROR (2) with an errno. */
export function end(type: 2 | 3, errno: number, sequence = 1): NetlinkMessage {
  const payload = Buffer.alloc(20);
  payload.writeInt32LE(-errno, 0);
  return { type, flags: 2, sequence, payload };
}
