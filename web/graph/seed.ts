/** Deterministic starting points: the same name starts at the same place in every browser and after every reload. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A point in the unit disc, spread evenly over names. */
export function seedPoint(name: string): Point {
  const hash = hashText(name);
  const angle = ((hash & 0xffff) / 0x10000) * 2 * Math.PI;
  const radius = Math.sqrt((hash >>> 16) / 0x10000);
  return { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
}

/** FNV-1a over UTF-16 units, with a final mix so that similar names part. Unsigned 32 bit. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
