/**
 * RTM_GETNSID: the number by which one network namespace knows another. struct rtgenmsg (linux/rtnetlink.h), u8 family
 * padded to 4 bytes; then attributes of linux/net_namespace.h.
 */
import { encodeAttribute, parseAttributes, u32 } from './attribute.ts';
import type { NetlinkMessage } from './message.ts';

export const getNetnsId = 90;
const newNetnsId = 88;
const headerBytes = 4;

/** NETNSA_*. */
const attributeTypes = { id: 1, fd: 3 } as const;

/** @param fd open on /proc/PID/ns/net of the other one */
export function encodeGetNetnsId(fd: number): Buffer {
  return Buffer.concat([Buffer.alloc(headerBytes), encodeAttribute(attributeTypes.fd, u32(fd))]);
}

/** Null where the one does not know the other, or the message tells nothing of it. */
export function parseNetnsId({ type, payload }: NetlinkMessage): number | null {
  if (type !== newNetnsId || payload.length < headerBytes) return null;
  const value = parseAttributes(payload.subarray(headerBytes)).get(attributeTypes.id);
  const id = value !== undefined && value.length >= 4 ? value.readInt32LE(0) : -1;
  return id < 0 ? null : id;
}
