/**
 * Which rows two scans do not have in common, told by the objects themselves: a collector hands out the same object for
 * as long as nothing about a socket changed. Rows keep their order from scan to scan, but for those that come and go.
 */
import type { OwnedSocket } from '../../model/socket.ts';

type Rows = readonly OwnedSocket[];

export interface RowDifference {
  /** Only in the scan before, and only in the one now; in their order there. */
  readonly gone: readonly OwnedSocket[];
  readonly shown: readonly OwnedSocket[];
}

/** How many rows that come or go in one place are passed over to find where the two go on alike. */
const windowRows = 256;

/** How many rows are looked at in windows at most: some, and some for each row. */
const looksMin = 8 * windowRows;
const looksPerRow = 4;

/** Null when they have so little in common that it is cheaper to look at everything. A row that moved is told as neither. */
export function differenceOf(before: Rows, now: Rows): RowDifference | null {
  if (before === now) return { gone: [], shown: [] };
  const difference = unaligned(before, now);
  if (difference === null) return null;
  const [wasThere, isThere] = [new Set(difference.gone), new Set(difference.shown)];
  return {
    gone: difference.gone.filter((row) => !isThere.has(row)),
    shown: difference.shown.filter((row) => !wasThere.has(row)),
  };
}

/** Walks both side by side; what stands in one alone is passed over there. */
function unaligned(before: Rows, now: Rows): RowDifference | null {
  const gone: OwnedSocket[] = [];
  const shown: OwnedSocket[] = [];
  let looksLeft = looksMin + looksPerRow * Math.max(before.length, now.length);
  let [i, j] = [0, 0];
  while (i < before.length && j < now.length) {
    if (before[i] === now[j]) {
      i++;
      j++;
      continue;
    }
    if (looksLeft <= 0) return null;
    const { left, came, looks } = untilAlike(before, i, now, j);
    looksLeft -= looks;
    for (const end = i + left; i < end; i++) gone.push(before[i]!);
    for (const end = j + came; j < end; j++) shown.push(now[j]!);
  }
  for (; i < before.length; i++) gone.push(before[i]!);
  for (; j < now.length; j++) shown.push(now[j]!);
  return { gone, shown };
}

/** How many rows left and came before the two go on alike; one of each where that is further off than a window. */
function untilAlike(
  before: Rows,
  i: number,
  now: Rows,
  j: number,
): { left: number; came: number; looks: number } {
  if (before[i + 1] === now[j + 1]) return { left: 1, came: 1, looks: 1 };
  const end = Math.min(windowRows, Math.max(before.length - i, now.length - j));
  for (let rows = 1; rows <= end; rows++) {
    if (before[i + rows] === now[j]) return { left: rows, came: 0, looks: rows };
    if (before[i] === now[j + rows]) return { left: 0, came: rows, looks: rows };
  }
  return { left: 1, came: 1, looks: end };
}
