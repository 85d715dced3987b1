/** One gRPC call to the Ingest service: bytes out, sayings in. Knows nothing of what they mean. */
import * as grpc from '@grpc/grpc-js';
import { ingestService } from '../../wire/ingest-service.ts';
import { maxMessageBytes } from '../../wire/protocol.ts';
import {
  decodeServerMessage,
  type ServerMessageFields,
  type ServerSaying,
} from '../../wire/server-message.ts';
import { type ClientChannel, plaintextChannel } from '../../wire/tls-client.ts';

/** What a connection tells; nothing comes after `ended` or `failed`. */
export interface ConnectionListener {
  /** The server took the call. */
  connected(): void;
  said(saying: ServerSaying): void;
  /** Writing is welcome again. */
  drained(): void;
  ended(code: grpc.status, details: string): void;
  /** There was no call at all. @param refused only a person can mend it */
  failed(why: string, refused: boolean): void;
}

export interface Connection {
  /** False when the transport is full: write no more until `drained`. */
  write(bytes: Buffer): boolean;
  /** Whether a write now would only be queued. */
  readonly isBlocked: boolean;
  /** No more writes; the server ends the call when it has read everything. */
  finish(): void;
  /** Ends at once, without a further word to the listener. Idempotent. */
  cancel(): void;
}

/** Opens the one call of a connection. */
export type Connect = (endpoint: string, listener: ConnectionListener) => Connection;

const clientOptions: grpc.ClientOptions = {
  'grpc.keepalive_time_ms': 30_000,
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc.max_receive_message_length': maxMessageBytes,
  'grpc.max_send_message_length': maxMessageBytes,
  'grpc.enable_retries': 0,
  // The lifecycle decides when to dial again; a shared pool would add its own wait.
  'grpc.use_local_subchannel_pool': 1,
  // A proxy of the environment is meant for the internet, not for the aggregator.
  'grpc.enable_http_proxy': 0,
};

export const connectPlaintext: Connect = (endpoint, listener) => open(plaintextChannel, endpoint, listener);

export function connectThrough(channel: ClientChannel): Connect {
  return (endpoint, listener) => open(channel, endpoint, listener);
}

function open(
  { credentials, options }: ClientChannel,
  endpoint: string,
  listener: ConnectionListener,
): Connection {
  const client = new grpc.Client(endpoint, credentials, { ...clientOptions, ...options });
  const method = ingestService().Stream;
  const call = client.makeBidiStreamRequest<Buffer, ServerMessageFields>(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
  );
  let over = false;
  const end = (tell: () => void): void => {
    if (over) return;
    over = true;
    client.close();
    tell();
  };
  call.on('metadata', () => over || listener.connected());
  call.on('data', (message: ServerMessageFields) => {
    for (const saying of decodeServerMessage(message)) if (!over) listener.said(saying);
  });
  call.on('drain', () => over || listener.drained());
  call.on('error', () => {
    // The same comes as `status`, with the server's own words.
  });
  call.on('status', (status: grpc.StatusObject) => end(() => listener.ended(status.code, status.details)));
  return {
    write: (bytes) => !over && call.write(bytes),
    get isBlocked() {
      return over || call.writableNeedDrain;
    },
    finish: () => {
      if (!over) call.end();
    },
    cancel: () =>
      end(() => {
        call.cancel();
      }),
  };
}
