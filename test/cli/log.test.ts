/** What a person who started `up` or `demo` reads of the log. */
import { expect, test } from 'vitest';
import type { CliIo } from '../../cli/io.ts';
import { createPersonLog } from '../../cli/log.ts';

test('plain lines that name the host; the same one again is not repeated', () => {
  const lines: string[] = [];
  const io: CliIo = {
    stdout: { write: () => {} },
    stderr: { write: (text) => void lines.push(text) },
    env: {},
    signal: new AbortController().signal,
    isTerminal: false,
    terminalColumns: null,
    programName: 'whotalks',
  };
  const log = createPersonLog(io);
  log.info('quiet');
  log.warn({ host: 'web\x1b7', hostId: 'x' }, 'host is stale');
  log.warn({ server: 'a' }, 'cannot reach it');
  log.warn({ server: 'a' }, 'cannot reach it');
  log.error('scan failed');
  expect(lines).toEqual([
    'whotalks: web\\x1b7: host is stale\n',
    'whotalks: cannot reach it\n',
    'whotalks: scan failed\n',
  ]);
});
