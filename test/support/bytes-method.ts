/** gRPC methods as nobody's proto file has them: bytes in, bytes out, for servers that answer anything at all. */
import type * as grpc from '@grpc/grpc-js';

/** @param path such as `/whotalks.v1.Query/Map` */
export function bytesMethod(path: string): grpc.MethodDefinition<Buffer, Buffer> {
  const same = (bytes: Buffer): Buffer => bytes;
  return {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}
