/** A message of the proto file as the codec walks it: its fields by number, with the types that they hold. */
import type { ProtoField, ProtoTable } from './proto-table.ts';

export interface MessageType {
  readonly name: string;
  /** In the order of the file. */
  readonly fields: readonly MessageField[];
  readonly byNumber: readonly (MessageField | undefined)[];
}

export interface MessageField extends ProtoField {
  /** Of what a field of type `message` holds. */
  readonly messageType: MessageType | null;
}

/** Fields of a message by name; what is unset is absent. */
export type MessageFields = Record<string, unknown>;

/** The wire types that fields have (https://protobuf.dev/programming-guides/encoding). */
export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** The wire type of one value that is not packed. */
export function wireTypeOf({ type }: ProtoField): number {
  switch (type) {
    case 'uint32':
    case 'uint64':
    case 'sint32':
    case 'sint64':
    case 'bool':
      return wireTypes.varint;
    case 'fixed32':
      return wireTypes.fixed32;
    case 'fixed64':
    case 'double':
      return wireTypes.fixed64;
    default:
      return wireTypes.bytes;
  }
}

/** By name. Messages of the file hold each other without cycles, so that a decoder never nests deeper than the file. */
export function messageTypes(table: ProtoTable): ReadonlyMap<string, MessageType> {
  const types = new Map<string, MessageType>();
  const build = (name: string, above: readonly string[]): MessageType => {
    const known = types.get(name);
    if (known !== undefined) return known;
    const listed = table.messages[name];
    if (listed === undefined) throw new Error(`proto: no message ${name}`);
    if (above.includes(name)) throw new Error(`proto: ${name} holds itself`);
    const fields = listed.map((field) => ({
      ...field,
      messageType: field.message === null ? null : build(field.message, [...above, name]),
    }));
    const byNumber: (MessageField | undefined)[] = [];
    for (const field of fields) byNumber[field.number] = field;
    const type = { name, fields, byNumber };
    types.set(name, type);
    return type;
  };
  for (const name of Object.keys(table.messages)) build(name, []);
  return types;
}
