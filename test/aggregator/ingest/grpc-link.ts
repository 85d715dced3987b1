/** A real grpc-js server with the real ingest on loopback, and raw streams of an agent's side to it. */
import * as grpc from '@grpc/grpc-js';
import { createIngest, type Ingest, type IngestOptions } from '../../../aggregator/ingest/ingest.ts';
import { type AgentBatch, agentBatch } from '../../../wire/agent-batch.ts';
import { encodeAgentMessage } from '../../../wire/agent-message.ts';
import { ingestService } from '../../../wire/ingest-service.ts';
import {
  decodeServerMessage,
  type ServerMessageFields,
  type ServerSaying,
} from '../../../wire/server-message.ts';
import { until } from '../../support/until.ts';
import { silent } from './in-memory-link.ts';
import { ReportsLedger } from './reports-ledger.ts';

export interface IngestServer {
  readonly ingest: Ingest;
  readonly ledger: ReportsLedger;
  readonly address: string;
  readonly grpcServer: grpc.Server;
  close(): void;
}

/** @param port 0 = any; a server that comes back takes the port that it had. */
export async function startIngest(options: Partial<IngestOptions> = {}, port = 0): Promise<IngestServer> {
  const ledger = new ReportsLedger();
  const ingest = createIngest({
    reports: ledger,
    clock: Date.now,
    log: silent,
    serverId: 'test',
    version: '0.1.0',
    ...options,
  });
  const server = new grpc.Server({ 'grpc.max_receive_message_length': 1 << 20, 'grpc.so_reuseport': 0 });
  ingest.addTo(server);
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error, boundPort) =>
      error === null ? resolve(boundPort) : reject(error),
    );
  });
  return {
    ingest,
    ledger,
    address: `127.0.0.1:${bound}`,
    grpcServer: server,
    close: () => {
      ingest.close();
      server.forceShutdown();
    },
  };
}

/** One stream whose every byte the test chooses. */
export class RawStream {
  readonly said: ServerSaying[] = [];
  #status: grpc.StatusObject | null = null;
  readonly #client: grpc.Client;
  readonly #call: grpc.ClientDuplexStream<Buffer, ServerMessageFields>;

  constructor(address: string) {
    this.#client = new grpc.Client(address, grpc.credentials.createInsecure());
    const { path, requestSerialize, responseDeserialize } = ingestService().Stream;
    this.#call = this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    this.#call.on('data', (message: ServerMessageFields) => this.said.push(...decodeServerMessage(message)));
    this.#call.on('error', () => undefined);
    this.#call.on('status', (status: grpc.StatusObject) => {
      this.#status = status;
    });
  }

  send(parts: Partial<AgentBatch>): void {
    this.sendBytes(encodeAgentMessage(agentBatch(parts)));
  }

  sendBytes(bytes: Buffer): void {
    this.#call.write(bytes);
  }

  /** The first thing said of `kind` that comes after `count` others of it. */
  async heard<Kind extends ServerSaying['kind']>(
    kind: Kind,
    count = 0,
  ): Promise<Extract<ServerSaying, { kind: Kind }>> {
    const all = (): ServerSaying[] => this.said.filter((saying) => saying.kind === kind);
    await until(`the server says ${kind}`, () => all().length > count);
    return all()[count] as Extract<ServerSaying, { kind: Kind }>;
  }

  /** Leaves what is said from now on unread. */
  stopReading(): void {
    this.#call.pause();
  }

  /** Says that no more will come; what was sent is still on its way. */
  finish(): void {
    this.#call.end();
  }

  async ended(): Promise<{ code: string; details: string }> {
    await until('the stream has ended', () => this.#status !== null);
    return { code: grpc.status[this.#status!.code], details: this.#status!.details };
  }

  close(): void {
    this.#call.cancel();
    this.#client.close();
  }
}
