/**
 * An agent's side of the Ingest stream on bare HTTP/2: as many messages as wanted go out in one write, so that hundreds of them
 * are in one frame and the server has them all at once, as from an agent that is not short of time itself.
 */
import http2 from 'node:http2';
import { type AgentBatch, agentBatch } from '../../../wire/agent-batch.ts';
import { encodeAgentMessage } from '../../../wire/agent-message.ts';
import { ingestService } from '../../../wire/ingest-service.ts';
import { decodeServerMessage, type ServerSaying } from '../../../wire/server-message.ts';

/** Of gRPC, before each message: whether it is compressed, and its length. */
const prefixBytes = 5;

export class BurstStream {
  readonly said: ServerSaying[] = [];
  readonly #session: http2.ClientHttp2Session;
  readonly #stream: http2.ClientHttp2Stream;
  #unparsed: Buffer = Buffer.alloc(0);

  constructor(address: string) {
    this.#session = http2.connect(`http://${address}`);
    this.#session.on('error', () => undefined);
    this.#stream = this.#session.request({
      ':method': 'POST',
      ':path': ingestService().Stream.path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    this.#stream.on('error', () => undefined);
    this.#stream.on('data', (bytes: Buffer) => this.#parse(bytes));
  }

  /** In one write; the window of HTTP/2 alone holds them back. */
  send(messages: readonly Partial<AgentBatch>[]): void {
    const framed = messages.flatMap((parts) => {
      const bytes = encodeAgentMessage(agentBatch(parts));
      const prefix = Buffer.alloc(prefixBytes);
      prefix.writeUInt32BE(bytes.length, 1);
      return [prefix, bytes];
    });
    this.#stream.write(Buffer.concat(framed));
  }

  close(): void {
    this.#session.destroy();
  }

  #parse(bytes: Buffer): void {
    let rest = Buffer.concat([this.#unparsed, bytes]);
    while (rest.length >= prefixBytes) {
      const end = prefixBytes + rest.readUInt32BE(1);
      if (rest.length < end) break;
      const message = ingestService().Stream.responseDeserialize(rest.subarray(prefixBytes, end));
      this.said.push(...decodeServerMessage(message));
      rest = rest.subarray(end);
    }
    this.#unparsed = rest;
  }
}
