/** The log of simulated daemons: what they would write is part of the trace. */
import type { Logger } from 'pino';
import type { SimulatedTime } from '../engine/simulated-time.ts';
import type { Trace } from '../engine/trace.ts';

type Level = 'info' | 'warn' | 'error';

/** @param who stands before each line. @param onError told of what a daemon calls an error */
export function simulatedLog(
  time: SimulatedTime,
  trace: Trace,
  who: string,
  onError: (text: string) => void = () => undefined,
): Logger {
  const write =
    (level: Level) =>
    (first: unknown, second?: unknown): void => {
      const told = typeof first === 'string' ? first : second;
      const text = typeof told === 'string' ? told : '';
      const fault: unknown = typeof first === 'object' && first !== null ? Reflect.get(first, 'err') : null;
      const because = fault instanceof Error ? ` (${fault.stack ?? fault.message})` : '';
      trace.comment(time.nowMs, `${who} ${level}: ${text}${because}`);
      if (level === 'error') onError(text + because);
    };
  const log = {
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    debug: () => undefined,
    child: () => log,
  };
  return log as unknown as Logger;
}
