/** How long a certificate is good, on the agent's monotonic clock, and when it is time for the next one. Pure. */

export interface Lease {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Shares of its life: when it is renewed at first, over what time the agents of a fleet spread, and from when on the host says that it failed. */
const renewAt = 0.45;
const renewSpread = 0.1;
const overdueAt = 0.65;

/** Bounds of the wait before a renewal is tried again; within them, a fortieth of the certificate's life. */
const retryMinMs = 500;
const retryMaxMs = 30 * 60_000;

/** About half its life. @param random 0 <= random < 1 */
export function renewalMs({ fromMs, untilMs }: Lease, random: number): number {
  return fromMs + (untilMs - fromMs) * (renewAt + renewSpread * random);
}

/** How long to wait after a try that failed: half to all of a bound. */
export function retryAfterMs({ fromMs, untilMs }: Lease, random: number): number {
  const bound = Math.min(retryMaxMs, Math.max(retryMinMs, (untilMs - fromMs) / 40));
  return bound * (0.5 + random / 2);
}

export function isOverdue({ fromMs, untilMs }: Lease, nowMs: number): boolean {
  return nowMs >= fromMs + (untilMs - fromMs) * overdueAt;
}

/** Of a certificate that was kept: its times are of the aggregator's clock, and this host's may be another. */
export function leaseOf(
  { fromMs, untilMs }: Lease,
  now: { readonly unixMs: number; readonly monotonicMs: number },
): Lease {
  const offsetMs = now.monotonicMs - now.unixMs;
  return { fromMs: fromMs + offsetMs, untilMs: untilMs + offsetMs };
}
