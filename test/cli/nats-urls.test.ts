/** Where an aggregator may publish. */
import { expect, test } from 'vitest';
import { checkedNatsUrls } from '../../cli/nats-urls.ts';
import { runCli } from '../support/run-cli.ts';

test.each([
  'nats://127.0.0.1:4222',
  '127.0.0.1:4222',
  'localhost',
  'nats://[::1]:4222',
  'nats://u:p@127.0.0.1',
])('%s is on this machine', (url) => expect(checkedNatsUrls([url], false)).toEqual([url]));

test.each(['nats://10.9.9.9:4222', 'bus', 'tls://bus.example:4222'])('%s needs --insecure', (url) => {
  expect(() => checkedNatsUrls([url], false)).toThrow(/is not loopback/);
  expect(checkedNatsUrls([url], true)).toEqual([url]);
});

test.each([
  [
    'http://127.0.0.1:4222',
    '--nats: expected a server such as nats://127.0.0.1:4222, found "http://127.0.0.1:4222"',
  ],
  ['nats://', '--nats: expected a server such as nats://127.0.0.1:4222, found "nats://"'],
  [
    'nats://10.9.9.9:4222',
    '--nats 10.9.9.9 is not loopback, and what is published there crosses the network in plaintext: ' +
      'use a server on this machine, or pass --insecure to accept that',
  ],
])('%s is refused before anything starts', async (url, message) => {
  expect(await runCli(['aggregator', '--nats', url])).toEqual({
    code: 2,
    out: '',
    err: `whotalks: ${message}\n`,
  });
});
