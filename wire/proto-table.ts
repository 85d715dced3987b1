/**
 * What of proto/whotalks.proto the codec needs: messages with their fields, and services with their methods, in the order
 * of the file. A table is plain JSON, so that a build can put it down and a process read it without a parser.
 */
import type { PackageDefinition } from '@grpc/proto-loader';

/** The types that fields of the file have. */
export const fieldTypes = [
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'double',
  'bool',
  'string',
  'bytes',
  'message',
  'map',
] as const;

/** `map` is from texts to texts. */
export type FieldType = (typeof fieldTypes)[number];

export interface ProtoField {
  /** In camelCase. */
  readonly name: string;
  readonly number: number;
  readonly type: FieldType;
  readonly repeated: boolean;
  /** Declared `optional`: its absence means something else than its type's zero. */
  readonly optional: boolean;
  /** Where the type is `message`: the name of that. */
  readonly message: string | null;
}

export interface ProtoMethod {
  readonly name: string;
  readonly request: string;
  readonly response: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

/** By name without the package. */
export interface ProtoTable {
  readonly messages: Readonly<Record<string, readonly ProtoField[]>>;
  readonly services: Readonly<Record<string, readonly ProtoMethod[]>>;
}

/** A DescriptorProto as proto-loader shows it (google/protobuf/descriptor.proto). */
interface MessageDescriptor {
  readonly name: string;
  readonly field: readonly FieldDescriptor[];
  readonly oneofDecl: readonly { readonly name: string }[];
  readonly nestedType: readonly MessageDescriptor[];
}

interface FieldDescriptor {
  readonly name: string;
  readonly number: number;
  readonly label: string;
  readonly type: string;
  readonly typeName: string;
  readonly oneofIndex: number;
}

/** The table of a parsed file. Throws for what the codec does not know, so that no such field can come into the file. */
export function tableOf(definition: PackageDefinition): ProtoTable {
  const messages: Record<string, ProtoField[]> = {};
  const services: Record<string, ProtoMethod[]> = {};
  for (const [name, defined] of Object.entries(definition)) {
    if (!('format' in defined)) {
      services[shortName(name)] = Object.entries(defined).map(([method, each]) => ({
        name: method,
        request: (each.requestType.type as MessageDescriptor).name,
        response: (each.responseType.type as MessageDescriptor).name,
        requestStream: each.requestStream,
        responseStream: each.responseStream,
      }));
    } else if ('field' in defined.type) {
      const message = defined.type as MessageDescriptor;
      messages[message.name] = message.field.map((field) => fieldOf(message, field));
    }
  }
  return { messages, services };
}

function fieldOf(message: MessageDescriptor, field: FieldDescriptor): ProtoField {
  const { name, number, label } = field;
  const isMap = message.nestedType.some((nested) => nested.name === shortName(field.typeName));
  const type = isMap ? 'map' : knownType(message, field);
  return {
    name,
    number,
    type,
    repeated: !isMap && label === 'LABEL_REPEATED',
    // proto3 `optional` is a oneof of its own that carries the field's name behind an underscore.
    optional: message.oneofDecl[field.oneofIndex]?.name === `_${name}`,
    message: type === 'message' ? shortName(field.typeName) : null,
  };
}

function knownType(message: MessageDescriptor, { name, type }: FieldDescriptor): FieldType {
  const word = type.replace('TYPE_', '').toLowerCase();
  const known = fieldTypes.find((each) => each === word);
  if (known === undefined)
    throw new Error(`proto: ${message.name}.${name} is ${word}, which the codec cannot`);
  return known;
}

function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
