/** CapEff of /proc/self/status: which of the capabilities that matter here a process has. Numbers: linux/capability.h. */

export const capabilities = {
  /** Look into files of other users, such as their /proc/PID/fd. */
  CAP_DAC_READ_SEARCH: 2,
  CAP_NET_ADMIN: 12,
  /** Follow the links in /proc/PID/fd and /proc/PID/ns of other users. */
  CAP_SYS_PTRACE: 19,
} as const;

export type Capability = keyof typeof capabilities;

/** The effective set as a bit mask; null when the text has none. */
export function parseEffectiveCapabilities(status: string): bigint | null {
  const match = /^CapEff:\t([0-9a-f]{1,16})$/m.exec(status);
  return match === null ? null : BigInt(`0x${match[1]}`);
}

export function hasCapability(set: bigint, capability: Capability): boolean {
  return (set & (1n << BigInt(capabilities[capability]))) !== 0n;
}
