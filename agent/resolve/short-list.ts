/**
 * Lists that are kept for every socket and nearly always have one element. V8 makes room for 17 elements, 136 bytes, when
 * something is pushed onto an empty array; a list that is written down with its first element has room for that alone.
 */

/** @returns `list` with the element at its end; another list where it was empty */
export function appended<T>(list: T[], element: T): T[] {
  if (list.length === 0) return [element];
  list.push(element);
  return list;
}
