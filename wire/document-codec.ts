/**
 * Documents of model/document.ts ↔ messages of the Query service.
 *
 * The proto file is the only list of fields: a decoded message is completed from its descriptor, so that every field
 * is there, in the order of the file, and unknown ones are null.
 */
import { messageDefinition } from './proto-file.ts';

interface FieldDescriptor {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly typeName: string;
  readonly oneofIndex: number;
}

interface MessageDescriptor {
  readonly field: readonly FieldDescriptor[];
  readonly oneofDecl: readonly { readonly name: string }[];
  readonly nestedType: readonly {
    readonly name: string;
    readonly options: { readonly mapEntry: boolean } | null;
  }[];
}

type Plain = Record<string, unknown>;

/** A message as proto-loader decodes it to the document it stands for. */
export function documentFromMessage<Document>(messageName: string, message: object): Document {
  return complete(messageName, message as Plain) as Document;
}

function complete(messageName: string, message: Plain): Plain {
  const descriptor = messageDefinition(messageName).type as unknown as MessageDescriptor;
  const document: Plain = {};
  for (const field of descriptor.field) {
    document[field.name] = completeField(descriptor, field, message[field.name]);
  }
  return document;
}

function completeField(descriptor: MessageDescriptor, field: FieldDescriptor, value: unknown): unknown {
  const isMessage = field.type === 'TYPE_MESSAGE';
  if (isMapField(descriptor, field)) return value ?? {};
  if (field.label === 'LABEL_REPEATED') {
    const list = (value ?? []) as unknown[];
    return isMessage ? list.map((item) => complete(shortName(field.typeName), item as Plain)) : list;
  }
  if (value === undefined || value === null) {
    return isMessage || isOptional(descriptor, field) ? null : implicitDefault(field.type);
  }
  return isMessage ? complete(shortName(field.typeName), value as Plain) : value;
}

function isMapField(descriptor: MessageDescriptor, field: FieldDescriptor): boolean {
  return descriptor.nestedType.some(
    (nested) => nested.options?.mapEntry === true && nested.name === shortName(field.typeName),
  );
}

/** proto3 `optional` is a oneof of its own that carries the field's name behind an underscore. */
function isOptional(descriptor: MessageDescriptor, field: FieldDescriptor): boolean {
  return descriptor.oneofDecl[field.oneofIndex]?.name === `_${field.name}`;
}

/** A proto3 encoder may leave out a field that has its type's zero. */
function implicitDefault(type: string): unknown {
  if (type === 'TYPE_STRING') return '';
  return type === 'TYPE_BOOL' ? false : 0;
}

function shortName(typeName: string): string {
  return typeName.slice(typeName.lastIndexOf('.') + 1);
}
