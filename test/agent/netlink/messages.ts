/** Encodes what the kernel answers, for tests of what reads it. */
import type { LinkAddress } from '../../../agent/netlink/address.ts';
import { encodeAttribute, u32 } from '../../../agent/netlink/attribute.ts';
import { type DiagRow, type Family, families } from '../../../agent/netlink/inet-diag.ts';
import type { Link } from '../../../agent/netlink/link.ts';
import type { NetlinkMessage } from '../../../agent/netlink/message.ts';
import { ipBytes, isIpv6 } from '../../../model/ip.ts';
import { stateNumber } from '../../../model/socket-state.ts';

/** RTM_NEWLINK. */
export function newLink(link: Link, sequence = 1): NetlinkMessage {
  const header = Buffer.alloc(16);
  header.writeInt32LE(link.index, 4);
  const parts = [header, encodeAttribute(3, Buffer.from(`${link.name}\0`))];
  if (link.kind !== null) parts.push(encodeAttribute(18, encodeAttribute(1, Buffer.from(`${link.kind}\0`))));
  if (link.masterIndex !== null) parts.push(encodeAttribute(10, u32(link.masterIndex)));
  if (link.peerNetnsId !== null) parts.push(encodeAttribute(37, u32(link.peerNetnsId)));
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

/** What inet_diag_msg has besides the fields of a row. */
interface DiagShape {
  readonly sequence?: number;
  /** SOCK_DIAG_BY_FAMILY unless told otherwise. */
  readonly type?: number;
  readonly flags?: number;
  /** IPv6 also for addresses that are IPv4: an IPv4-mapped row. */
  readonly family?: Family;
}

/** One row of a dump, with an attribute behind it as the kernel sends them. */
export function diagMessage(row: Omit<DiagRow, 'netns'>, shape: DiagShape = {}): NetlinkMessage {
  const family = shape.family ?? (isIpv6(row.local.ip) ? 'ipv6' : 'ipv4');
  const body = Buffer.alloc(72);
  body[0] = families[family];
  body[1] = stateNumber(row.state);
  body.writeUInt16BE(row.local.port, 4);
  body.writeUInt16BE(row.remote.port, 6);
  addressBytes(row.local.ip, family).copy(body, 8);
  addressBytes(row.remote.ip, family).copy(body, 24);
  body.writeBigUInt64LE(row.cookie, 44);
  body.writeUInt32LE(row.uid, 64);
  body.writeUInt32LE(row.inode, 68);
  const payload = Buffer.concat([body, encodeAttribute(8, Buffer.from([0]))]);
  return { type: shape.type ?? 20, flags: shape.flags ?? 2, sequence: shape.sequence ?? 1, payload };
}

function addressBytes(ip: string, family: Family): Buffer {
  const bytes = Buffer.from(ipBytes(ip));
  if (family === 'ipv4' || bytes.length === 16) return bytes;
  return Buffer.concat([Buffer.from('00000000000000000000ffff', 'hex'), bytes]);
}

/** NLMSG_DONE (3) or NLMSG_ERROR (2) with an errno. */
export function end(type: 2 | 3, errno: number, sequence = 1): NetlinkMessage {
  const payload = Buffer.alloc(20);
  payload.writeInt32LE(-errno, 0);
  return { type, flags: 2, sequence, payload };
}
