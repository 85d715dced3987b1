/** The bytes that the parts of an AgentMessage take, bounded or estimated, so that it can be cut before it is encoded. */
import type { Netns } from '../../model/netns.ts';
import type { Process } from '../../model/process.ts';

/** Bytes per row: more than nearly all take, and half of what one can take whose every number is far from the one before. */
export const rowBytes = {
  open: 36,
  close: 6,
  update: 12,
  reowned: 4,
  owner: 12,
  nat: 8,
  stage: 20,
  counter: 28,
  grown: 13,
} as const;

/** Seq, base time and flags of a message, the tag and length of each column, and its gaps. */
export const messageOverheadBytes = 1024;

/** Tag, length and id of a definition, and 16 bytes of address with theirs. */
export const addressBytes = 32;

/** Tags, lengths and numbers of one definition beside its texts. */
const definitionBytes = 64;

/** A UTF-16 unit takes at most three bytes of UTF-8. */
const bytesPerUnit = 3;

export function processBytes(process: Process): number {
  let units = 0;
  for (const value of Object.values(process)) if (typeof value === 'string') units += value.length;
  return definitionBytes + bytesPerUnit * units;
}

/** An address or prefix in text is below 50 bytes. */
export function netnsBytes(netns: Netns): number {
  const devices = netns.addresses.reduce((sum, address) => sum + (address.device?.length ?? 0), 0);
  const entries = netns.addresses.length + netns.localNetworks.length;
  return definitionBytes + definitionBytes * entries + bytesPerUnit * devices;
}
