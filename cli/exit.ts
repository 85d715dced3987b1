/** Exit codes, and the error that carries one: a single line that says what, why and what to do. */

export const exitCodes = {
  ok: 0,
  error: 1,
  /** Wrong command line, filter or setting. */
  usage: 2,
  /** What was to be checked is not as it should be. */
  checkFailed: 3,
  /** The server does not answer. */
  unreachable: 4,
  /** Answered, but hosts are missing in the answer. */
  partial: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command with one line on stderr. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  readonly exitCode: ExitCode;

  /** @param message without `whotalks: ` before it and without a line break in it. */
  constructor(exitCode: ExitCode, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function usageFailure(message: string): CliFailure {
  return new CliFailure(exitCodes.usage, message);
}

/** A daemon that SIGTERM ended did as it was told; SIGINT interrupted it. */
export function endOfDaemon(signal: AbortSignal): ExitCode {
  return signal.reason === 'SIGTERM' ? exitCodes.ok : exitCodes.interrupted;
}
