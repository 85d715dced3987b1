/** Default ports give way to the next free one, and say so; chosen ones never do. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultAggregatorConfig } from '../../aggregator/config.ts';
import { startEmbedded } from '../../cli/embedded.ts';
import { freeAddress, portsTried } from '../../cli/free-address.ts';
import type { CliIo } from '../../cli/io.ts';
import { freePort } from '../support/free-port.ts';

const taken = createServer();
let port = 0;

beforeAll(async () => {
  port = await freePort();
  taken.listen(port, '127.0.0.1');
  await once(taken, 'listening');
});
afterAll(() => {
  taken.close();
});

test('a taken port gives way to one of the next', async () => {
  const moved = await freeAddress(`127.0.0.1:${port}`);
  const movedPort = Number(moved.split(':')[1]);
  expect(movedPort).toBeGreaterThan(port);
  expect(movedPort).toBeLessThan(port + portsTried);
});

test('an embedded aggregator whose default port is taken moves, and says where', async () => {
  const err: string[] = [];
  const io: CliIo = {
    stdout: { write: () => {} },
    stderr: { write: (text) => void err.push(text) },
    env: {},
    signal: new AbortController().signal,
    isTerminal: false,
    terminalColumns: null,
    programName: 'whotalks',
  };
  const config = { ...defaultAggregatorConfig, listen: `127.0.0.1:${port}`, http: '127.0.0.1:0' };
  const settings = { config, isListenChosen: false, isHttpChosen: true };
  const aggregator = await startEmbedded(io, settings, pino({ level: 'silent' }));
  await aggregator.close();
  expect(err.join('')).toBe(
    `whotalks: 127.0.0.1:${port} is in use, so ${aggregator.grpcAddress} is taken instead\n`,
  );
});
