/** Netlink structs are in the host's byte order; every machine that Node.js supports on Linux today but s390x is little-endian. */
import { endianness } from 'node:os';

/** False on s390x, where this folder's little-endian reads would be wrong and netlink is left alone. */
export function isLittleEndian(): boolean {
  return endianness() === 'LE';
}
