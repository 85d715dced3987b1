/** A process as the agent's own /proc shows it. What could not be read is null, never an empty string. */
import type { ContainerIdentity } from './container.ts';

export interface Process extends ContainerIdentity {
  readonly pid: number;
  /** Clock ticks since boot (field 22 of /proc/PID/stat). pid and start together name a process for the life of a boot. */
  readonly startTicks: number;
  /** The kernel's comm: at most 15 bytes, chosen by the process itself, hostile text. */
  readonly comm: string;
  /** Absolute path of the executable. */
  readonly exe: string | null;
  /** Arguments joined by spaces, redacted as the agent is told. */
  readonly cmdline: string | null;
  /** Stable name of what runs: the base name of exe or, for an interpreter, of its script. */
  readonly program: string | null;
  readonly uid: number;
  /** Name of uid on the host. */
  readonly user: string | null;
  /** systemd unit with its suffix, such as `nginx.service`. */
  readonly unit: string | null;
}

/** Identity of a process on its host across pid reuse. */
export function processKey(process: Pick<Process, 'pid' | 'startTicks'>): string {
  return `${process.pid}@${process.startTicks}`;
}

/** A process that holds a socket, with every fd under which it does. */
export interface Owner {
  readonly process: Process;
  /** Ascending. */
  readonly fds: readonly number[];
}
