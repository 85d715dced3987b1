/** The outside world of a command, with all that it writes kept. */
import type { CliIo } from '../../cli/io.ts';

export interface KeptIo {
  readonly io: CliIo;
  readonly out: string[];
  readonly err: string[];
}

/** A pipe without an environment, unless told otherwise. */
export function keptIo(world: Partial<CliIo> = {}): KeptIo {
  const out: string[] = [];
  const err: string[] = [];
  const io: CliIo = {
    stdout: { write: (text) => void out.push(text) },
    stderr: { write: (text) => void err.push(text) },
    env: {},
    signal: new AbortController().signal,
    isTerminal: false,
    terminalColumns: null,
    programName: 'whotalks',
    ...world,
  };
  return { io, out, err };
}
