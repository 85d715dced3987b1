/**
 * The shape of a value: what kinds of things it is made of, and about how many. Two inputs whose values have the same shape went
 * about the same way through a reader; one with a new shape is worth keeping.
 */

const depthMax = 5;
const keysMax = 24;

/** Elements of a list that are looked at. */
const elementsMax = 3;

export function shapeOf(value: unknown, depth = 0): string {
  switch (typeof value) {
    case 'string':
      return `s${magnitude(value.length)}`;
    case 'number':
      return numberShape(value);
    case 'boolean':
      return value ? 't' : 'f';
    case 'object':
      return value === null ? '-' : objectShape(value, depth);
    default:
      return typeof value;
  }
}

function numberShape(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : 'inf';
  if (value === 0) return '0';
  return `${value < 0 ? '-' : ''}n${Number.isInteger(value) ? '' : '.'}`;
}

/** Of a count: 0, 1, 2, 4, 8 ... */
function magnitude(count: number): number {
  return count === 0 ? 0 : 2 ** Math.floor(Math.log2(count));
}

function objectShape(value: object, depth: number): string {
  if (depth >= depthMax) return 'o';
  if (ArrayBuffer.isView(value)) return `b${magnitude(value.byteLength)}`;
  if (value instanceof Map) return `m${magnitude(value.size)}${listShape([...value.values()], depth)}`;
  if (value instanceof Set) return `S${magnitude(value.size)}${listShape([...value], depth)}`;
  if (Array.isArray(value)) return `${magnitude(value.length)}${listShape(value, depth)}`;
  const parts = Object.entries(value)
    .slice(0, keysMax)
    .map(([key, part]) => `${key}:${shapeOf(part, depth + 1)}`);
  return `{${parts.join()}}`;
}

function listShape(list: readonly unknown[], depth: number): string {
  return `[${list
    .slice(0, elementsMax)
    .map((each) => shapeOf(each, depth + 1))
    .join()}]`;
}
