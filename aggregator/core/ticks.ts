/**
 * Time in the core: signed ticks of 10 ms since the core began, so that a moment is one word and a table may be older than
 * half a year. What is earlier or later than a word can tell is told as the earliest or latest.
 *
 * Bounds of a birth are rounded outward, so a tick never makes two halves look further apart than they are. Where rounding
 * could decide, neither isClearlyOne nor isClearlyTwo holds, and exact times decide elsewhere.
 */
import { clockSlackMs } from '../correlate/generations.ts';

export const tickMs = 10;

/** Before all that a core is told: nobody looked. */
export const never = -0x80000000;

const latest = 0x7fffffff;

/** What two hosts' clocks and a handshake may make of one moment. */
export const slackTicks = clockSlackMs / tickMs;

/** Two roundings, each of less than a tick. */
const roundingTicks = 2;

/** @param originMs Unix milliseconds of tick 0 */
export function tickBefore(unixMs: number, originMs: number): number {
  return clampTick(Math.floor((unixMs - originMs) / tickMs));
}

export function tickAfter(unixMs: number, originMs: number): number {
  return clampTick(Math.ceil((unixMs - originMs) / tickMs));
}

export function unixMsOf(tick: number, originMs: number): number {
  return originMs + tick * tickMs;
}

function clampTick(tick: number): number {
  return Math.min(latest, Math.max(never, tick));
}

/** Whether what is born after one moment and by another can be one birth, beyond doubt. */
export function isClearlyOne(bornAfter: number, bornBy: number): boolean {
  return bornAfter - bornBy <= slackTicks - roundingTicks;
}

/** Whether it cannot, beyond doubt. */
export function isClearlyTwo(bornAfter: number, bornBy: number): boolean {
  return bornAfter - bornBy > slackTicks + roundingTicks;
}
