/** Moves services apart that lie on one another, after the forces have given the map its shape. */
import type { ForceReply } from './force-request.ts';

/** Rounds of pushing; dense spots need many, and most maps stop earlier because nothing overlaps. */
const roundsMax = 60;

/**
 * Pushes points apart in place until no two are closer than their radii and `gap` together, or the rounds are used up.
 * Every pair is looked at: the largest map has two million, and this is the worker's time.
 *
 * @param points x, y of each point in turn.
 * @param radii in units of the points.
 * @param fixed 1 where a point stays; its neighbour then moves the whole way.
 */
export function spreadOut(points: ForceReply, radii: Float32Array, fixed: Uint8Array, gap: number): void {
  for (let round = 0; round < roundsMax; round++) {
    let isMoving = false;
    for (let a = 0; a < radii.length; a++) {
      for (let b = a + 1; b < radii.length; b++) {
        if (pushPair(points, a, b, radii[a]! + radii[b]! + gap, fixed)) isMoving = true;
      }
    }
    if (!isMoving) return;
  }
}

function pushPair(points: ForceReply, a: number, b: number, room: number, fixed: Uint8Array): boolean {
  const dx = points[2 * b]! - points[2 * a]!;
  const dy = points[2 * b + 1]! - points[2 * a + 1]!;
  if (Math.abs(dx) >= room || Math.abs(dy) >= room) return false;
  const distance = Math.hypot(dx, dy);
  const mobile = 2 - fixed[a]! - fixed[b]!;
  // Rounding leaves a trace of overlap that no eye sees and no round removes.
  if (distance >= room * 0.999 || mobile === 0) return false;
  const [ux, uy] = distance === 0 ? [1, 0] : [dx / distance, dy / distance];
  const push = (room - distance) / mobile;
  if (fixed[a] === 0) {
    points[2 * a]! -= ux * push;
    points[2 * a + 1]! -= uy * push;
  }
  if (fixed[b] === 0) {
    points[2 * b]! += ux * push;
    points[2 * b + 1]! += uy * push;
  }
  return true;
}
