/** Runs the command line inside the test's process, with everything it writes kept. */
import type { ExitCode } from '../../cli/exit.ts';
import type { CliIo, StopReason } from '../../cli/io.ts';
import { main } from '../../cli/main.ts';

export interface CliRun {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

export interface StartedCli {
  /** What it wrote so far. */
  readonly out: () => string;
  readonly err: () => string;
  /** Tells it to stop, as a signal does. */
  stop(reason: StopReason): void;
  readonly done: Promise<ExitCode>;
}

export interface CliWorld {
  readonly env?: Readonly<Record<string, string>>;
  /** Width of a terminal; without it stdout is a pipe. */
  readonly terminalColumns?: number;
}

export function startCli(argv: readonly string[], { env = {}, terminalColumns }: CliWorld = {}): StartedCli {
  const out: string[] = [];
  const err: string[] = [];
  const controller = new AbortController();
  const io: CliIo = {
    stdout: { write: (text) => void out.push(text) },
    stderr: { write: (text) => void err.push(text) },
    env: { WHOTALKS_DATA: 'none', WHOTALKS_SPOOL: 'none', ...env },
    signal: controller.signal,
    isTerminal: terminalColumns !== undefined,
    terminalColumns: terminalColumns ?? null,
    programName: 'whotalks',
  };
  return {
    out: () => out.join(''),
    err: () => err.join(''),
    stop: (reason) => controller.abort(reason),
    done: main(argv, io),
  };
}

export async function runCli(argv: readonly string[], world: CliWorld = {}): Promise<CliRun> {
  const started = startCli(argv, world);
  const code = await started.done;
  return { code, out: started.out(), err: started.err() };
}
