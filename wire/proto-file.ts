/**
 * proto/whotalks.proto: the one description of the wire that clients, servers and the document codec use.
 *
 * A parser of the language takes a process tens of milliseconds and megabytes. A build so puts the table of the file
 * (proto-table.ts) beside its copy of it, in one tree that takes the old one's place as a whole; what runs from sources has
 * no such table and parses the file.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type * as grpc from '@grpc/grpc-js';
import type { PackageDefinition } from '@grpc/proto-loader';
import { decodeMessage } from './message-decoder.ts';
import { encodeMessage } from './message-encoder.ts';
import { type MessageType, messageTypes } from './message-type.ts';
import { type ProtoMethod, type ProtoTable, tableOf } from './proto-table.ts';

const path = fileURLToPath(new URL('../proto/whotalks.proto', import.meta.url));
const tablePath = fileURLToPath(new URL('../proto/whotalks.json', import.meta.url));

interface Wire {
  readonly types: ReadonlyMap<string, MessageType>;
  readonly services: ProtoTable['services'];
}

/** Read once per process. */
let loaded: Wire | undefined;

function wire(): Wire {
  if (loaded === undefined) {
    const table = existsSync(tablePath)
      ? (JSON.parse(readFileSync(tablePath, 'utf8')) as ProtoTable)
      : parsedTable();
    loaded = { types: messageTypes(table), services: table.services };
  }
  return loaded;
}

/** The table of the proto file as it stands: what a build puts beside it. */
export function parsedTable(): ProtoTable {
  return tableOf(load(path, false));
}

/**
 * What server reflection tells: the names as the file has them (snake_case), since reflection shows descriptors, and
 * the definitions of further files, each of which imports nothing.
 */
export function reflectedDefinition(...furtherPaths: readonly string[]): PackageDefinition {
  return Object.assign({}, ...[path, ...furtherPaths].map((file) => load(file, true)));
}

/** proto-loader is loaded where it is needed: an agent and a command that asks do without. */
function load(file: string, keepCase: boolean): PackageDefinition {
  const loader = createRequire(import.meta.url)('@grpc/proto-loader') as typeof import('@grpc/proto-loader');
  return loader.loadSync(file, { keepCase });
}

/** The message `whotalks.v1.<name>`. Throws when the proto file has none. */
export function messageType(name: string): MessageType {
  const type = wire().types.get(name);
  if (type === undefined) throw new Error(`proto: no message ${name}`);
  return type;
}

/** The gRPC service `whotalks.v1.<name>`. Throws when the proto file has none. */
export function serviceDefinition(name: 'Ingest' | 'Enrol' | 'Query'): grpc.ServiceDefinition {
  const methods = wire().services[name];
  if (methods === undefined) throw new Error(`proto: no service ${name}`);
  return Object.fromEntries(methods.map((method) => [method.name, methodDefinition(name, method)]));
}

function methodDefinition(service: string, method: ProtoMethod): grpc.MethodDefinition<object, object> {
  const { name, requestStream, responseStream } = method;
  const request = messageType(method.request);
  const response = messageType(method.response);
  return {
    path: `/whotalks.v1.${service}/${name}`,
    requestStream,
    responseStream,
    requestSerialize: (fields) => encodeMessage(request, fields),
    requestDeserialize: (bytes) => decodeMessage(request, bytes),
    responseSerialize: (fields) => encodeMessage(response, fields),
    responseDeserialize: (bytes) => decodeMessage(response, bytes),
    // The name of a client's function.
    originalName: `${name[0]!.toLowerCase()}${name.slice(1)}`,
  };
}
