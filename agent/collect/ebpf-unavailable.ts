/** Why sockets cannot be read by eBPF here, as the reason in a sentence for a person. */
import { BpfError } from '../bpf/bpf-error.ts';
import { BtfError } from '../bpf/btf.ts';
import { LibcError } from '../libc.ts';

export type EbpfObstacle =
  /** koffi is missing, or the machine is none that eBPF is known on. */
  | 'calls'
  /** The kernel does not tell its types, or they lack something. */
  | 'types'
  /** bpf(2) is forbidden. */
  | 'permission'
  /** The kernel does not know a command, a helper or a function, or its verifier refuses the program. */
  | 'kernel'
  /** /proc is not that of the agent's pid namespace, or the scan contradicts it. */
  | 'pids';

export class EbpfUnavailableError extends Error {
  override readonly name = 'EbpfUnavailableError';
  readonly obstacle: EbpfObstacle;

  constructor(obstacle: EbpfObstacle, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.obstacle = obstacle;
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
  if (error instanceof BtfError) return 'types';
  if (error instanceof BpfError) return error.code === 'EPERM' ? 'permission' : 'kernel';
  return null;
}
