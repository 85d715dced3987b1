/** CPU and wall time of whole processes in a namespace, as the shell's `time` counts them: children included. */
import type { Namespace } from '../../test/support/fleet/namespace.ts';

export interface Timed {
  readonly wallMs: number;
  /** User and system. */
  readonly cpuMs: number;
}

const timing = 'TIMEFORMAT="%3R %3U %3S"; time "$@" >/dev/null 2>/dev/null';

/** Runs a command to its end with its output thrown away. Throws when it fails. */
export async function timeCommand(inside: Namespace, argv: readonly string[]): Promise<Timed> {
  const text = await inside.run(['bash', '--norc', '-c', `exec 2>&1; set -e; ${timing}`, 'bash', ...argv]);
  const [wall, user, system] = text.trim().split(' ').map(Number) as [number, number, number];
  return { wallMs: wall * 1000, cpuMs: (user + system) * 1000 };
}
