/** Loads proto/whotalks.proto: the one description of the wire that clients, servers and the document codec use. */
import { fileURLToPath } from 'node:url';
import type * as grpc from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition, type PackageDefinition } from '@grpc/proto-loader';

/**
 * proto-loader's options. No `defaults`: an unset optional field stays absent, which the documents show as null.
 * `longs: Number`: every 64-bit value here is below 2^53 (milliseconds, inodes, counters).
 */
const loadOptions = {
  keepCase: false,
  longs: Number,
  defaults: false,
  arrays: true,
  objects: false,
} as const;

const path = fileURLToPath(new URL('../proto/whotalks.proto', import.meta.url));

let loaded: PackageDefinition | undefined;

/** The parsed file, read once per process. */
export function packageDefinition(): PackageDefinition {
  loaded ??= loadSync(path, loadOptions);
  return loaded;
}

/**
 * What server reflection tells: the names as the file has them (snake_case), since reflection shows descriptors, and
 * the definitions of further files, each of which imports nothing.
 */
export function reflectedDefinition(...furtherPaths: readonly string[]): PackageDefinition {
  return Object.assign({}, ...[path, ...furtherPaths].map((file) => loadSync(file, { keepCase: true })));
}

/** The gRPC service `whotalks.v1.<name>`. Throws when the proto file has none. */
export function serviceDefinition(name: 'Ingest' | 'Query'): grpc.ServiceDefinition {
  const definition = packageDefinition()[`whotalks.v1.${name}`];
  if (definition === undefined || 'format' in definition) throw new Error(`proto: no service ${name}`);
  return definition as grpc.ServiceDefinition;
}

/** The descriptor of the message `whotalks.v1.<name>`. Throws when the proto file has none. */
export function messageDefinition(name: string): MessageTypeDefinition<object, object> {
  const definition = packageDefinition()[`whotalks.v1.${name}`];
  if (definition === undefined || !('format' in definition)) throw new Error(`proto: no message ${name}`);
  return definition as MessageTypeDefinition<object, object>;
}
