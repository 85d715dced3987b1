/** The messages of proto/whotalks.proto as proto-loader has them: what the codec of wire/ is held against. */
import { fileURLToPath } from 'node:url';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';

/** No defaults: an unset field stays absent. Numbers of 64 bits are numbers: every one of the wire is below 2^53. */
const definitions = loadSync(fileURLToPath(new URL('../../proto/whotalks.proto', import.meta.url)), {
  keepCase: false,
  longs: Number,
  defaults: false,
  arrays: true,
  objects: false,
});

/** Throws when the proto file has no message `whotalks.v1.<name>`. */
export function messageDefinition(name: string): MessageTypeDefinition<object, object> {
  const definition = definitions[`whotalks.v1.${name}`];
  if (definition === undefined || !('format' in definition)) throw new Error(`proto: no message ${name}`);
  return definition as MessageTypeDefinition<object, object>;
}
