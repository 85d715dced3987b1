/** What an aggregator says, there and back. */
import { describe, expect, test } from 'vitest';
import { ingestService } from '../../wire/ingest-service.ts';
import { decodeServerMessage, encodeServerMessage, type ServerSaying } from '../../wire/server-message.ts';

const { responseSerialize, responseDeserialize } = ingestService().Stream;

const sayings: ServerSaying[] = [
  {
    kind: 'welcome',
    protocol: 1,
    serverVersion: '0.1.0',
    serverId: 's',
    needSnapshot: true,
    resumeAfterSeq: 0,
    heartbeatIntervalMs: 10_000,
    maxMessageBytes: 1 << 20,
    startAfterMs: 0,
  },
  { kind: 'ack', appliedSeq: 7, durableSeq: 0 },
  { kind: 'nack', seq: 3, code: 'bad-slot', reason: 'slot 3 is opened twice' },
  { kind: 'throttle', minIntervalMs: 5000 },
  { kind: 'resync', reason: '' },
  { kind: 'redirect', endpoints: ['127.0.0.1:7443', '[::1]:7443'] },
  { kind: 'heartbeat', monotonicMs: 1, serverUnixMs: 1_700_000_000_000 },
];

describe('ServerMessage', () => {
  test.each(sayings)('says $kind over the wire', (saying) => {
    const bytes = responseSerialize(encodeServerMessage(saying));
    expect(decodeServerMessage(responseDeserialize(bytes))).toEqual([saying]);
  });

  test('says several things in one message', () => {
    const both = { ...encodeServerMessage(sayings[1]!), ...encodeServerMessage(sayings[3]!) };
    expect(decodeServerMessage(responseDeserialize(responseSerialize(both)))).toEqual([
      sayings[1],
      sayings[3],
    ]);
  });

  test('what only a later version understands says nothing', () => {
    expect(decodeServerMessage(responseDeserialize(Buffer.from('c23e020102', 'hex')))).toEqual([]);
  });
});
