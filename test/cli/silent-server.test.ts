/** Servers that take a connection and then say nothing: a person is told so within seconds, in one line. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runCli } from '../support/run-cli.ts';

let server: Server;
const taken: Socket[] = [];

beforeEach(async () => {
  server = createServer((socket) => taken.push(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  for (const socket of taken.splice(0)) socket.destroy();
  server.close();
});

it('questions and watches end with exit code 4, and say that it was not an answer that was late', async () => {
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const runs = [runCli(['services', '--server', address]), runCli(['watch', '--server', address])];
  for (const { code, out, err } of await Promise.all(runs)) {
    expect({ code, out }).toEqual({ code: 4, out: '' });
    expect(err).toBe(
      `whotalks: cannot reach the aggregator at ${address}: what listens there takes connections and says nothing for ` +
        '4 s; it is stuck, or no aggregator\n',
    );
  }
});
