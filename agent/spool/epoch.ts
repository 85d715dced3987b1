/**
 * The epoch of a run of the agent: higher than that of every run before on this host. Where it is kept, one higher than the
 * last; and never below what a run without a folder would have said by now, which makes it of the time.
 */
import type { Disk } from '../../disk/disk.ts';
import { countOf, encodeKept, parseKept } from './kept-value.ts';

/** Unix seconds times 2^20, with the fraction of the second: below 2^53 for the next two centuries. */
export function epochAt(unixMs: number): number {
  return Math.floor((unixMs / 1000) * 2 ** 20);
}

/**
 * @param kept of the run before; null = there was none, or it could not be read
 * @returns one above it, also where the clock was set back; and no less than the time says, as runs without a folder may have
 *   been in between
 */
export function epochAfter(kept: number | null, unixMs: number): number {
  return Math.max((kept ?? 0) + 1, epochAt(unixMs));
}

/** A run that begins. */
export interface Beginning {
  readonly unixMs: number;
  /** Of the host; empty where it cannot be read. */
  readonly bootId: string;
}

/** An epoch, and what is known of the run before; null = there was none. */
export interface DrawnEpoch {
  readonly epoch: number;
  readonly before: Beginning | null;
}

/** Draws the epoch of this run. It is on the disk when this is over. Throws DiskError. */
export async function drawEpoch(disk: Disk, folder: string, beginning: Beginning): Promise<DrawnEpoch> {
  const { unixMs, bootId } = beginning;
  const path = `${folder}/epoch`;
  const kept = parseKept(disk.read(path));
  const epoch = epochAfter(countOf(kept, 'epoch'), unixMs);
  await disk.replace(path, encodeKept({ epoch, unixMs, bootId }));
  const [beforeMs, beforeBoot] = [kept?.['unixMs'], kept?.['bootId']];
  const isKnown = typeof beforeMs === 'number' && typeof beforeBoot === 'string';
  return { epoch, before: isKnown ? { unixMs: beforeMs, bootId: beforeBoot } : null };
}
