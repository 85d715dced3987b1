/** Why sockets cannot be read by eBPF here, as the reason in a sentence for a person. */
import { BpfError } from '../bpf/bpf-error.ts';
import { BtfError, BtfUnreadableError } from '../bpf/btf.ts';
import { LibcError } from '../libc.ts';
import type { Remediable } from '../remedy.ts';

export type EbpfObstacle =
  /** koffi is missing, or the machine is none that eBPF is known on. */
  | 'calls'
  /** The kernel does not tell its types. */
  | 'types'
  /** bpf(2) is forbidden. */
  | 'permission'
  /** The kernel does not know a type, a command, a helper or a function, or its verifier refuses the program. */
  | 'kernel'
  /** /proc is not that of the agent's pid namespace, or the scan contradicts it. */
  | 'pids';

/** What removes each of them; null = another kernel. */
const remedies: Readonly<Record<EbpfObstacle, string | null>> = {
  calls: 'npm ci --omit=dev, which installs koffi',
  types: 'a kernel with CONFIG_DEBUG_INFO_BTF that shows its /sys/kernel/btf/vmlinux',
  permission: 'CAP_BPF and CAP_PERFMON (run as root), and a container or sandbox that allows bpf(2)',
  kernel: null,
  pids: 'mount -t proc proc /proc in the pid namespace of the agent, or run it in the one that /proc is of',
};

export class EbpfUnavailableError extends Error implements Remediable {
  override readonly name = 'EbpfUnavailableError';
  readonly obstacle: EbpfObstacle;
  readonly remedy: string | null;

  constructor(obstacle: EbpfObstacle, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.obstacle = obstacle;
    this.remedy = remedies[obstacle];
  }
}

/** Anything that opening the scan throws; what is none of these is returned as it is. */
export function asUnavailable(error: unknown): unknown {
  const obstacle = obstacleOf(error);
  if (obstacle === null) return error;
  return new EbpfUnavailableError(obstacle, (error as Error).message, { cause: error });
}

function obstacleOf(error: unknown): EbpfObstacle | null {
  if (error instanceof LibcError) return 'calls';
  if (error instanceof BtfUnreadableError) return 'types';
  if (error instanceof BtfError) return 'kernel';
  if (error instanceof BpfError) return error.code === 'EPERM' ? 'permission' : 'kernel';
  return null;
}
