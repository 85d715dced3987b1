/** A gRPC client that is built from server reflection alone, as grpcurl is: it has no proto file of ours. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer, loadSync, type PackageDefinition } from '@grpc/proto-loader';

interface ReflectionAnswer {
  readonly list_services_response?: { readonly service: readonly { readonly name: string }[] };
  readonly file_descriptor_response?: { readonly file_descriptor_proto: readonly Buffer[] };
}

type UnaryMethods = grpc.Client &
  Record<string, (request: object, callback: (error: Error | null, answer: object) => void) => void>;

export interface StockClient {
  call(method: string, request: object): Promise<object>;
  close(): void;
}

/** Names of all services that reflection lists, except reflection's own. */
export async function listServices(address: string): Promise<string[]> {
  const answer = await askReflection(address, { list_services: '' });
  const names = answer.list_services_response!.service.map((service) => service.name);
  return names.filter((name) => !name.startsWith('grpc.reflection.')).toSorted();
}

/** A client of one service, from the descriptors that reflection hands out. */
export async function stockClient(address: string, service: string): Promise<StockClient> {
  const answer = await askReflection(address, { file_containing_symbol: service });
  const set = Buffer.concat(answer.file_descriptor_response!.file_descriptor_proto.map(fileOfSet));
  const client = clientOf(
    loadFileDescriptorSetFromBuffer(set, { keepCase: true, enums: String }),
    service,
    address,
  );
  return {
    call: (method, request) =>
      new Promise((resolve, reject) => {
        client[method]!(request, (error, message) => (error === null ? resolve(message) : reject(error)));
      }),
    close: () => client.close(),
  };
}

/** Field 1 of google.protobuf.FileDescriptorSet: tag, length as a varint, bytes. */
function fileOfSet(file: Buffer): Buffer {
  const length: number[] = [];
  for (let rest = file.length; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.concat([Buffer.from([0x0a, ...length, rest]), file]);
    length.push((rest & 0x7f) | 0x80);
  }
}

async function askReflection(address: string, request: object): Promise<ReflectionAnswer> {
  const packageFile = createRequire(import.meta.url).resolve('@grpc/reflection/package.json');
  const protoFile = join(dirname(packageFile), 'build/proto/grpc/reflection/v1/reflection.proto');
  const client = clientOf(
    loadSync(protoFile, { keepCase: true }),
    'grpc.reflection.v1.ServerReflection',
    address,
  );
  const open = client['ServerReflectionInfo'] as unknown as () => grpc.ClientDuplexStream<object, object>;
  const stream = open.call(client);
  try {
    return await new Promise((resolve, reject) => {
      stream.on('data', resolve);
      stream.on('error', reject);
      stream.write(request);
    });
  } finally {
    stream.end();
    client.close();
  }
}

function clientOf(definition: PackageDefinition, service: string, address: string): UnaryMethods {
  const Client = grpc.makeClientConstructor(definition[service] as grpc.ServiceDefinition, service);
  return new Client(address, grpc.credentials.createInsecure()) as unknown as UnaryMethods;
}
