/**
 * The Ingest service with raw requests: both sides pass the bytes of AgentMessage through gRPC untouched. The sender
 * so knows the size of what it sends before it does, and the receiver says itself what is wrong with a bad message.
 */
import type { MethodDefinition } from '@grpc/grpc-js';
import { serviceDefinition } from './proto-file.ts';
import type { ServerMessageFields } from './server-message.ts';

export interface IngestServiceDefinition {
  readonly [name: string]: MethodDefinition<Buffer, ServerMessageFields>;
  readonly Stream: MethodDefinition<Buffer, ServerMessageFields>;
}

/** For grpc.Server.addService and for grpc.Client.makeBidiStreamRequest. */
export function ingestService(): IngestServiceDefinition {
  const { Stream: method } = serviceDefinition('Ingest');
  if (method === undefined) throw new Error('proto: Ingest has no method Stream');
  return {
    Stream: {
      ...(method as MethodDefinition<Buffer, ServerMessageFields>),
      requestSerialize: (bytes) => bytes,
      requestDeserialize: (bytes) => bytes,
    },
  };
}
