/** What a person who started `up` or `demo` reads of the log. */
import { expect, test } from 'vitest';
import { createPersonLog } from '../../cli/log.ts';
import { keptIo } from './kept-io.ts';

test('plain lines that name the host; the same one again is not repeated', () => {
  const { io, err } = keptIo();
  const log = createPersonLog(io);
  log.info('quiet');
  log.warn({ host: 'web\x1b7', hostId: 'x' }, 'host is stale');
  log.warn({ server: 'a' }, 'cannot reach it');
  log.warn({ server: 'a' }, 'cannot reach it');
  log.error('scan failed');
  expect(err).toEqual([
    'whotalks: web\\x1b7: host is stale\n',
    'whotalks: cannot reach it\n',
    'whotalks: scan failed\n',
  ]);
});
