/** The capabilities that matter here, by their numbers in linux/capability.h. */

export const capabilities = {
  /** Look into files of other users, such as their /proc/PID/fd. */
  CAP_DAC_READ_SEARCH: 2,
  /** Follow the links in /proc/PID/fd and /proc/PID/ns of other users. */
  CAP_SYS_PTRACE: 19,
} as const;

export type Capability = keyof typeof capabilities;

/** @param set as CapEff of /proc/PID/status has it */
export function hasCapability(set: bigint, capability: Capability): boolean {
  return (set & (1n << BigInt(capabilities[capability]))) !== 0n;
}
