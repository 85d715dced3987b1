/**
 * Documents of model/document.ts ↔ messages of the Query service.
 *
 * The proto file is the only list of fields: a decoded message is completed from its descriptor, so that every field
 * is there, in the order of the file, and unknown ones are null.
 */
import type { MessageField, MessageType } from './message-type.ts';
import { messageType } from './proto-file.ts';
import type { FieldType } from './proto-table.ts';

type Plain = Record<string, unknown>;

/** A decoded message to the document it stands for. */
export function documentFromMessage<Document>(messageName: string, message: object): Document {
  return complete(messageType(messageName), message as Plain) as Document;
}

function complete({ fields }: MessageType, message: Plain): Plain {
  const document: Plain = {};
  for (const field of fields) document[field.name] = completeField(field, message[field.name]);
  return document;
}

function completeField(
  { type, messageType: held, repeated, optional }: MessageField,
  value: unknown,
): unknown {
  if (type === 'map') return value ?? {};
  if (repeated) {
    const list = (value ?? []) as unknown[];
    return held === null ? list : list.map((item) => complete(held, item as Plain));
  }
  if (value === undefined || value === null) {
    return optional || held !== null ? null : implicitDefault(type);
  }
  return held === null ? value : complete(held, value as Plain);
}

/** A proto3 encoder may leave out a field that has its type's zero. */
function implicitDefault(type: FieldType): unknown {
  if (type === 'string') return '';
  return type === 'bool' ? false : 0;
}
