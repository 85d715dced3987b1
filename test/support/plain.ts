/** Decoded messages as values that can be compared. */

/** A copy in which typed arrays are arrays. */
export function plain<Value>(value: Value): Value {
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as number[]) as Value;
  if (Array.isArray(value)) return value.map(plain) as Value;
  if (value === null || typeof value !== 'object' || value instanceof Map) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)])) as Value;
}
