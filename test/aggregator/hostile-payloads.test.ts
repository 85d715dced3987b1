/** Bytes that no agent sends, over real sockets: each connection ends for itself, and agents go on meanwhile. */
import http2 from 'node:http2';
import net from 'node:net';
import { gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { defaultAggregatorConfig } from '../../aggregator/config.ts';
import { type Aggregator, startAggregator } from '../../aggregator/run.ts';
import { ingestService } from '../../wire/ingest-service.ts';
import { messageFlags } from '../../wire/protocol.ts';
import { until } from '../support/until.ts';
import { RawStream } from './ingest/grpc-link.ts';
import { helloOf } from './ingest/in-memory-link.ts';

/** Far above what the sockets of these tests need, far below what is sent. */
const growthMaxBytes = 256 << 20;

let aggregator: Aggregator;
let honest: RawStream;
let seq = 1;
let rssBefore = 0;
const open: (() => void)[] = [];

beforeAll(async () => {
  const config = { ...defaultAggregatorConfig, listen: '127.0.0.1:0', http: '127.0.0.1:0' };
  aggregator = await startAggregator(config, { log: pino({ level: 'silent' }) });
  honest = new RawStream(aggregator.grpcAddress);
  honest.send({ baseUnixMs: Date.now(), hello: helloOf({ hostId: 'honest', hostName: 'honest' }) });
  await honest.heard('welcome');
  honest.send({
    seq,
    baseUnixMs: Date.now(),
    flags: messageFlags.snapshotBegin | messageFlags.snapshotEnd,
  });
  await honest.heard('ack');
  rssBefore = process.memoryUsage.rss();
});

afterEach(async () => {
  honest.send({ seq: ++seq, baseUnixMs: Date.now() });
  await until('the honest agent is heard', () =>
    honest.said.some((saying) => saying.kind === 'ack' && saying.appliedSeq === seq),
  );
  for (const end of open.splice(0)) end();
  expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(growthMaxBytes);
});

afterAll(async () => {
  honest.close();
  await aggregator.close();
});

function sessionTo(): http2.ClientHttp2Session {
  const session = http2.connect(`http://${aggregator.grpcAddress}`);
  session.on('error', () => undefined);
  open.push(() => session.destroy());
  return session;
}

function framed(message: Buffer, isCompressed: boolean): Buffer {
  const header = Buffer.from([isCompressed ? 1 : 0, 0, 0, 0, 0]);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** A call to Ingest with these headers and that body. @returns its grpc-status and grpc-message */
function call(headers: http2.OutgoingHttpHeaders, body: Buffer): Promise<[number, string]> {
  const stream = sessionTo().request({
    ':method': 'POST',
    ':path': ingestService().Stream.path,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => undefined);
  stream.write(body);
  return new Promise((resolve) => {
    const hear = (heard: http2.IncomingHttpHeaders): void => {
      if (heard['grpc-status'] === undefined) return;
      resolve([Number(heard['grpc-status']), decodeURIComponent(String(heard['grpc-message']))]);
    };
    stream.on('response', hear);
    stream.on('trailers', hear);
    stream.resume();
  });
}

test.each(['gzip', 'deflate', 'br'])(
  'messages compressed by %s are refused, a bomb or not',
  async (encoding) => {
    const bomb = gzipSync(Buffer.alloc(1 << 24));
    const bombs = Buffer.concat(Array.from({ length: 8 }, () => framed(bomb, true)));
    expect(await call({ 'grpc-encoding': encoding }, bombs)).toEqual([
      status.UNIMPLEMENTED,
      'compressed messages are not taken: send them as they are',
    ]);
  },
);

test('a message that says it is compressed, of a call that does not, is no message', async () => {
  const [code] = await call({}, framed(gzipSync(Buffer.alloc(1 << 20)), true));
  expect(code).toBe(status.INVALID_ARGUMENT);
});

test('one that says it has 4 GiB is refused by its header', async () => {
  const [code] = await call({}, Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]));
  expect(code).toBe(status.RESOURCE_EXHAUSTED);
});

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

function frame(type: number, flags: number, stream: number, payload = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

const frames = { headers: 1, settings: 4, ping: 6, continuation: 9 } as const;
const settings = frame(frames.settings, 0, 0);

/** A literal header field of 4 KiB, never indexed: RFC 7541, 6.2.3. */
const longField = Buffer.concat([
  Buffer.from([0x10, 0x01]),
  Buffer.from('x'),
  // 4096 as an integer with a prefix of 7 bits.
  Buffer.from([0x7f, 0x81, 0x1f]),
  Buffer.alloc(4096, 'a'),
]);

/** Sends bytes to the door, and leaves unread what it says. */
function send(bytes: readonly Buffer[]): net.Socket {
  const [host, port] = aggregator.grpcAddress.split(':');
  const socket = net.connect(Number(port), host);
  socket.on('error', () => undefined);
  open.push(() => socket.destroy());
  for (const each of bytes) socket.write(each);
  return socket;
}

test.each([
  ['what is no HTTP/2', [Buffer.from('GET / HTTP/1.1\r\n\r\n'.repeat(100))]],
  ['bytes of no meaning', [Buffer.from(Array.from({ length: 1 << 14 }, (_, n) => (n * 167 + 13) % 256))]],
  [
    'frames of no meaning',
    [preface, settings, frame(0xff, 0xff, 0x7fffffff, Buffer.alloc(1 << 14)), frame(frames.headers, 0, 0)],
  ],
  [
    'headers without end',
    [
      preface,
      settings,
      frame(frames.headers, 0, 1, longField),
      ...Array.from({ length: 2000 }, () => frame(frames.continuation, 0, 1, longField)),
    ],
  ],
])('%s ends its connection', async (_, bytes) => {
  const socket = send(bytes);
  socket.resume();
  await until('the door has closed it', () => socket.closed);
});

test('floods of settings and pings, and a frame longer than agreed, of somebody who reads no answer', async () => {
  const flood = Buffer.concat(
    Array.from({ length: 20_000 }, () => [settings, frame(frames.ping, 0, 0, Buffer.alloc(8))]).flat(),
  );
  const longFrame = frame(frames.headers, 0, 1, Buffer.alloc(1 << 20));
  const sockets = [flood, flood, flood, longFrame].map((bytes) => send([preface, settings, bytes]));
  for (const socket of sockets) socket.pause();
  await until('they are sent, or the door has closed them', () =>
    sockets.every((socket) => socket.closed || socket.destroyed || socket.bytesWritten > preface.length),
  );
});

test('calls that are reset as soon as they are made', async () => {
  const session = sessionTo();
  for (let n = 0; n < 3000 && !session.destroyed && !session.closed; n++) {
    const stream = session.request({ ':method': 'POST', ':path': ingestService().Stream.path });
    stream.on('error', () => undefined);
    stream.close(http2.constants.NGHTTP2_CANCEL);
    if (n % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
});

test('hundreds that connect and say nothing, or a part of a greeting', async () => {
  const sockets = Array.from({ length: 300 }, (_, n) =>
    send(n % 2 === 0 ? [] : [preface.subarray(0, n % 24)]),
  );
  await until('all are connected', () => sockets.every((socket) => !socket.connecting));
});
