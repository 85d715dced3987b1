/** What a command is given of the outside world, so that tests run it in their own process. */

export interface TextSink {
  write(text: string): void;
}

export interface CliIo {
  /** Data and nothing else. */
  readonly stdout: TextSink;
  /** Everything that is not data. */
  readonly stderr: TextSink;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted with a StopReason. */
  readonly signal: AbortSignal;
  /** Whether stdout is a terminal. */
  readonly isTerminal: boolean;
  /** Width of the terminal; null when there is none. */
  readonly terminalColumns: number | null;
  /** What a person types to run this program, for examples. */
  readonly programName: string;
}

/** SIGTERM ends a daemon as asked; SIGINT interrupts whatever runs. */
export type StopReason = 'SIGINT' | 'SIGTERM';

/** Says something to the person, in one line. */
export function note(io: Pick<CliIo, 'stderr'>, message: string): void {
  io.stderr.write(`whotalks: ${message}\n`);
}

/** Ends when the command is told to stop. */
export function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Says how many rows the server's own limits left out. @param limit what was asked for; 0 = nothing */
export function noteCut(io: CliIo, limit: number, shown: number, total: number): void {
  if (shown >= total || shown === limit) return;
  const more = limit === 0 ? '--limit N shows more' : 'one answer has no more, a filter asks for less';
  note(io, `showing ${shown} of ${total}; ${more}`);
}
