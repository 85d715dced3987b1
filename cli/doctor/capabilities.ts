/** The capabilities that matter here, by their numbers in linux/capability.h. */

export const capabilities = {
  /** Load eBPF programs, and let them read the kernel's memory. */
  CAP_BPF: 39,
  CAP_PERFMON: 38,
  /** Follow the links in /proc/PID/fd and /proc/PID/ns of other users. */
  CAP_SYS_PTRACE: 19,
  /** Look into files of other users, such as their /proc/PID/fd. */
  CAP_DAC_READ_SEARCH: 2,
  /** Enter other network namespaces. */
  CAP_SYS_ADMIN: 21,
} as const;

export type Capability = keyof typeof capabilities;

export const usedCapabilities = Object.keys(capabilities) as Capability[];

/** @param set as CapEff of /proc/PID/status has it */
export function hasCapability(set: bigint, capability: Capability): boolean {
  return (set & (1n << BigInt(capabilities[capability]))) !== 0n;
}
