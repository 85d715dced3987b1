/** What an agent says it cannot see, word by word: the tests of faults compare with these. */

/** What to do to get eBPF, by what stands in its way. */
export const ebpfFixes = {
  calls: 'npm ci --omit=dev, which installs koffi',
  types: 'a kernel with CONFIG_DEBUG_INFO_BTF that shows its /sys/kernel/btf/vmlinux',
  permission: 'CAP_BPF and CAP_PERFMON (run as root), and a container or sandbox that allows bpf(2)',
  pids: 'mount -t proc proc /proc in the pid namespace of the agent, or run it in the one that /proc is of',
} as const;

/** @param problem why eBPF does not work */
export function withoutEbpf(problem: string, obstacle: keyof typeof ebpfFixes): string {
  return (
    `Sockets are read without ebpf (${problem}), so a scan costs several times the CPU; ` +
    `to get it: ${ebpfFixes[obstacle]}.`
  );
}

/** @param problem why sock_diag does not work */
export function withoutSockdiag(problem: string): string {
  return (
    `Sockets are read without sockdiag (${problem}), so a scan costs several times the CPU; to get it: allow AF_NETLINK ` +
    'sockets (seccomp, or RestrictAddressFamilies= of systemd), and npm ci --omit=dev for koffi.'
  );
}

const both = 'this needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH';

/** What an ordinary user is told to do. */
export const asRoot = `${both}; run as root`;

/** What root is told that lacks them. */
export const giveBoth = `${both}; being root is not enough here, give the agent both`;

export function closedFiles(processes: number, advice: string): string {
  return `The open files of ${processes} processes cannot be read, so their sockets show no owner: ${advice}.`;
}

export function unknownNetns(processes: number, advice: string): string {
  return `The network namespace of ${processes} processes is unknown, so sockets of other namespaces may be missing: ${advice}.`;
}

export const unknownPrograms = `The executables and command lines of other users’ processes may be unknown: ${both}.`;

/** Of one process. */
export function unplaced(): string {
  return (
    'The containers and units of 1 process may be unknown, because this machine has cgroups of version 1, ' +
    'which only /proc tells, and theirs is closed to the agent: this needs CAP_SYS_PTRACE.'
  );
}

export const hiddenProcesses =
  'The processes of other users are hidden by the hidepid option of /proc, so their sockets show no owner, and sockets ' +
  `of other network namespaces may be missing: ${asRoot}.`;

/** @param problem why the interfaces of the host are unknown */
export function unknownNetworks(problem: string): string {
  return (
    `Host-local container networks are not told apart from routed ones: ${problem}; reinstall whotalks with its native ` +
    'module koffi, or allow AF_NETLINK.'
  );
}
