/** The edge to the operating system: streams, signals, and what the person typed to get here. */
import { writeSync } from 'node:fs';
import { basename, delimiter, dirname, relative } from 'node:path';
import type { CliIo, StopReason } from './io.ts';

/** Of this process. Listens for signals from now on. */
export function processIo(): CliIo {
  process.stdout.on('error', endOnFailedWrite);
  process.stderr.on('error', endOnFailedWrite);
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    signal: stopSignal(),
    isTerminal: process.stdout.isTTY === true,
    // A terminal without a size, as containers have them, tells 0.
    terminalColumns: process.stdout.columns > 0 ? process.stdout.columns : null,
    programName: programName(process.argv[1] ?? 'whotalks'),
  };
}

/** Resolves once all that was written is with the kernel; if it cannot be written, never. */
export function written(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0) return Promise.resolve();
  return new Promise((resolve) => {
    stream.write('', (error) => {
      if (error === undefined || error === null) resolve();
    });
  });
}

/** `whotalks connections | head` is no error; a full disk is one. */
function endOnFailedWrite(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0);
  const reason = error.code === 'ENOSPC' ? 'there is no space left' : (error.code ?? error.message);
  try {
    writeSync(2, `whotalks: what is printed cannot be written: ${reason}\n`);
  } catch {
    // stderr is the one that cannot be written.
  }
  process.exit(1);
}

/** The first signal asks the command to end; the second ends it. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const reason of ['SIGINT', 'SIGTERM'] satisfies StopReason[]) {
    process.on(reason, () => {
      if (controller.signal.aborted) process.exit(reason === 'SIGINT' ? 130 : 143);
      controller.abort(reason);
    });
  }
  return controller.signal;
}

/** A word that a shell here would find it by: its name when it is on the PATH, else its path. */
function programName(script: string): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  if (folders.includes(dirname(script))) return basename(script);
  const path = relative(process.cwd(), script);
  return path.startsWith('..') ? script : `./${path}`;
}
