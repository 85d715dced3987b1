/**
 * IPCTNL_MSG_CT_GET: the entry of one tuple, in either direction. Many questions go out in one datagram; each is answered
 * by one of its own, with the question's sequence number.
 *
 *     offset  IPv4  IPv6                                offset  IPv4  IPv6
 *     nlmsghdr   0     0  with the sequence at 8        CTA_PROTO_NUM        52    76
 *     nfgenmsg  16    16                                CTA_PROTO_SRC_PORT   60    84
 *     source    32    32                                CTA_PROTO_DST_PORT   68    92
 *     dest      40    52                                length               72    96
 *
 * Without CTA_ZONE the kernel looks in zone 0 alone.
 */
import type { FourTuple } from '../../model/four-tuple.ts';
import { type IpAddress, ipBytes, isIpv6 } from '../../model/ip.ts';
import { type Protocol, protocolNumbers } from '../../model/socket-state.ts';
import { encodeAttribute, encodeNested } from './attribute.ts';
import { conntrackAttributes, conntrackTypes, encodeConntrackMessage } from './conntrack-message.ts';
import { addressAttributes, protocolAttributes, tupleAttributes } from './conntrack-tuple.ts';
import { type Family, families } from './inet-diag.ts';

export interface ConntrackQuestion {
  readonly protocol: Protocol;
  /** Of packets that go from `local` to `remote`. */
  readonly tuple: FourTuple;
}

interface Form {
  readonly message: Buffer;
  readonly sourceAt: number;
  readonly destinationAt: number;
  readonly protocolAt: number;
  readonly sourcePortAt: number;
  readonly destinationPortAt: number;
}

const forms: Readonly<Record<Family, Form>> = {
  ipv4: {
    message: blank('ipv4'),
    sourceAt: 32,
    destinationAt: 40,
    protocolAt: 52,
    sourcePortAt: 60,
    destinationPortAt: 68,
  },
  ipv6: {
    message: blank('ipv6'),
    sourceAt: 32,
    destinationAt: 52,
    protocolAt: 76,
    sourcePortAt: 84,
    destinationPortAt: 92,
  },
};

const sequenceAt = 8;

export const questionBytesMax = forms.ipv6.message.length;

/** Writes a question at `at`, and returns where it ends. @param bytes has room for questionBytesMax */
export function writeQuestion(
  bytes: Buffer,
  at: number,
  question: ConntrackQuestion,
  sequence: number,
): number {
  const { local, remote } = question.tuple;
  const form = forms[isIpv6(local.ip) ? 'ipv6' : 'ipv4'];
  form.message.copy(bytes, at);
  bytes.writeUInt32LE(sequence, at + sequenceAt);
  writeIp(bytes, at + form.sourceAt, local.ip);
  writeIp(bytes, at + form.destinationAt, remote.ip);
  bytes[at + form.protocolAt] = protocolNumbers[question.protocol];
  bytes.writeUInt16BE(local.port, at + form.sourcePortAt);
  bytes.writeUInt16BE(remote.port, at + form.destinationPortAt);
  return at + form.message.length;
}

function blank(family: Family): Buffer {
  const address = Buffer.alloc(family === 'ipv4' ? 4 : 16);
  const { source, destination } = addressAttributes[family];
  const { number, sourcePort, destinationPort } = protocolAttributes;
  const addresses = [encodeAttribute(source, address), encodeAttribute(destination, address)];
  const ports = [
    encodeAttribute(sourcePort, Buffer.alloc(2)),
    encodeAttribute(destinationPort, Buffer.alloc(2)),
  ];
  const tuple = [
    encodeNested(tupleAttributes.address, addresses),
    encodeNested(tupleAttributes.protocol, [encodeAttribute(number, Buffer.alloc(1)), ...ports]),
  ];
  return encodeConntrackMessage(conntrackTypes.get, false, families[family], 0, [
    encodeNested(conntrackAttributes.original, tuple),
  ]);
}

/** Canonical IPv4 is digits and dots, read here without the checks that ipBytes makes. */
function writeIp(bytes: Buffer, at: number, ip: IpAddress): void {
  if (isIpv6(ip)) {
    bytes.set(ipBytes(ip), at);
    return;
  }
  let octet = 0;
  let octetAt = at;
  for (let i = 0; i < ip.length; i++) {
    const code = ip.charCodeAt(i);
    if (code === dot) {
      bytes[octetAt++] = octet;
      octet = 0;
    } else octet = octet * 10 + code - zero;
  }
  bytes[octetAt] = octet;
}

const dot = 0x2e;
const zero = 0x30;
