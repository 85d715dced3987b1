/** Messages out of the bytes of a gRPC call, however they were cut; and that grpc-js lets us do so. */
import * as grpc from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { decodeByFrames, MessageFrames } from '../../../aggregator/ingest/message-frames.ts';
import { ingestService } from '../../../wire/ingest-service.ts';
import { fc } from '../../support/random-cases.ts';

const maxBytes = 1000;

/** With its header, as it is sent. */
function framed(message: Uint8Array, flag = 0): Buffer {
  const header = Buffer.from([flag, 0, 0, 0, 0]);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

/** Cuts bytes at those places, which are taken modulo their number. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, i) => bytes.subarray(from, at[i] ?? bytes.length));
}

describe('message frames', () => {
  test('messages come out whole, however they were cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        (messages, places) => {
          const sent = messages.map((message, i) => framed(message, i % 2));
          const frames = new MessageFrames(maxBytes);
          const pieces = cut(Buffer.concat(sent), places);
          expect(pieces.flatMap((piece) => frames.write(piece))).toEqual(sent);
        },
      ),
    );
  });

  test('a message that came in one piece is not copied, one that came in two is', () => {
    const frames = new MessageFrames(maxBytes);
    const bytes = Buffer.concat([framed(Buffer.from('one')), framed(Buffer.from('two'))]);
    const [one] = frames.write(bytes.subarray(0, 10));
    expect(one?.buffer).toBe(bytes.buffer);
    const [two] = frames.write(bytes.subarray(10));
    expect(two).toEqual(framed(Buffer.from('two')));
    expect(two?.byteOffset).not.toBe(bytes.byteOffset + 8);
  });

  test('a message may be as long as the limit and no longer', () => {
    const frames = new MessageFrames(maxBytes);
    const longest = framed(Buffer.alloc(maxBytes));
    expect(frames.write(longest)).toEqual([longest]);
    const longer = framed(Buffer.alloc(maxBytes + 1));
    const refusal = 'Received message larger than max (1001 vs 1000)';
    expect(() => frames.write(longer)).toThrow(refusal);
    expect(() => {
      const inParts = new MessageFrames(maxBytes);
      inParts.write(longer.subarray(0, 3));
      inParts.write(longer.subarray(3));
    }).toThrow(refusal);
  });

  test('a call of grpc-js takes them', async () => {
    const server = new grpc.Server();
    const taken = new Promise<boolean>((resolve) => {
      const Stream: grpc.handleBidiStreamingCall<Buffer, object> = (call) => {
        resolve(decodeByFrames(call, maxBytes));
        call.end();
      };
      server.addService(ingestService(), { Stream });
    });
    const insecure = grpc.ServerCredentials.createInsecure();
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', insecure, (error, bound) => (error ? reject(error) : resolve(bound)));
    });
    const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = ingestService().Stream;
    const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    call.on('error', () => {});
    expect(await taken).toBe(true);
    call.cancel();
    client.close();
    server.forceShutdown();
  });

  test('what is no call of grpc-js stays as it is', () => {
    expect(decodeByFrames({}, maxBytes)).toBe(false);
    expect(decodeByFrames({ call: {} }, maxBytes)).toBe(false);
    const busy = { call: { decoder: { readState: 2, write: () => [] } } };
    const { decoder } = busy.call;
    expect(decodeByFrames(busy, maxBytes)).toBe(false);
    expect(busy.call.decoder).toBe(decoder);
  });
});
