/** Checks of received values against agent-limits.ts, and the cuts by which an agent keeps within them. */
import { WireError } from './wire-error.ts';

/** `text` when it is at most `max` UTF-16 units long. Throws WireError text-too-long. */
export function checkText(field: string, text: string, max: number): string {
  if (text.length <= max) return text;
  throw new WireError('text-too-long', `${field} has ${text.length} characters, at most ${max} are allowed`);
}

/** Null for an absent optional text. */
export function checkOptionalText(field: string, text: string | undefined, max: number): string | null {
  return text === undefined ? null : checkText(field, text, max);
}

/** A 64-bit field that must be exact in a double. Throws WireError bad-number. */
export function checkInteger(field: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new WireError('bad-number', `${field} is ${value}, not a whole number below 2^53`);
}

/** The id of a definition: 0 stands for "none" in the columns, so none may have it. Throws WireError bad-number. */
export function checkId(kind: string, id: number | undefined): number {
  if (id !== undefined && id > 0) return id;
  throw new WireError('bad-number', `${kind} definition has id 0`);
}

/** `value` when it is within both bounds. Throws WireError bad-number. */
export function checkRange(field: string, value: number, min: number, max: number): number {
  if (value >= min && value <= max) return value;
  throw new WireError('bad-number', `${field} is ${value}, not within ${min}-${max}`);
}

/** `list` when it has at most `max` entries. Throws WireError too-many. */
export function checkCount<List extends { readonly length: number }>(
  field: string,
  list: List,
  max: number,
): List {
  if (list.length <= max) return list;
  throw new WireError('too-many', `${field} has ${list.length} entries, at most ${max} are allowed`);
}

/** The longest head of `text` within `max` units that does not end in half a surrogate pair. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? max - 1 : max);
}

export function cutOptionalText(text: string | null, max: number): string | undefined {
  return text === null ? undefined : cutText(text, max);
}
