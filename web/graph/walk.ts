/** Walking the map with arrow keys: the nearest service in a direction. */
import type { Point } from './seed.ts';

export const directions = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
} as const;
export type ArrowKey = keyof typeof directions;

export function isArrowKey(key: string): key is ArrowKey {
  return Object.hasOwn(directions, key);
}

/** Being off to the side counts this many times as much as being further ahead. */
const sidewaysWeight = 2;

/** The name of the place next to `from` in the key's direction; null at the border. y grows downwards. */
export function stepFrom(from: string, key: ArrowKey, points: ReadonlyMap<string, Point>): string | null {
  const start = points.get(from);
  if (start === undefined) return null;
  const [dx, dy] = directions[key];
  let best: { name: string; cost: number } | null = null;
  for (const [name, point] of points) {
    const ahead = (point.x - start.x) * dx + (point.y - start.y) * dy;
    const sideways = Math.abs((point.x - start.x) * dy) + Math.abs((point.y - start.y) * dx);
    if (name === from || ahead <= 0) continue;
    const cost = ahead + sidewaysWeight * sideways;
    if (best === null || cost < best.cost) best = { name, cost };
  }
  return best?.name ?? null;
}
