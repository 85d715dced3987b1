/** The log of daemons: pino's lines on stderr, or one plain line each for a person who started `up` or `demo`. */
import { type Logger, pino } from 'pino';
import { plainText } from './format/plain-text.ts';
import type { CliIo } from './io.ts';

/** Structured, for journald and collectors. Level from WHOTALKS_LOG_LEVEL, default info. */
export function createDaemonLog(io: CliIo): Logger {
  const level = io.env['WHOTALKS_LOG_LEVEL'] ?? 'info';
  return pino({ level: level in pino.levels.values ? level : 'info', base: null }, io.stderr);
}

/**
 * Warnings and errors only, as `whotalks: [HOST: ]MESSAGE`; none of what ends with the command itself. The same line again, as
 * from each agent of a demo, is one line.
 */
export function createPersonLog(io: CliIo): Logger {
  let last = '';
  const write = (line: string): void => {
    if (io.signal.aborted) return;
    const { msg, host } = JSON.parse(line) as { msg?: string; host?: string };
    const text = `${host === undefined ? '' : `${host}: `}${msg ?? line.trimEnd()}`;
    if (text === last) return;
    last = text;
    io.stderr.write(`whotalks: ${plainText(text)}\n`);
  };
  return pino({ level: 'warn', base: null }, { write });
}
