/**
 * Whether a host may say that it passes a conversation on as it tells. It may put its own address in place of another, or
 * one that nobody claims; not that of an end which is there: no host leads away from addresses that others claim.
 *
 * Who claims an address becomes known at any time, so the right is no property of a record: what rests on one is judged
 * again whenever an address that it puts in place of another is claimed, or is not any more.
 */
import type { IpAddress } from '../../model/ip.ts';
import type { AddressClaims } from './address-claims.ts';
import type { ReportedFlow } from './report.ts';

/** The addresses that the host has put in place of others, or that it says were put there: two at most. */
export function placedAddresses({ dialed, forwarded }: ReportedFlow): IpAddress[] {
  const placed: IpAddress[] = [];
  if (dialed.remote.ip !== forwarded.remote.ip) placed.push(dialed.remote.ip);
  if (forwarded.local.ip !== dialed.local.ip) placed.push(forwarded.local.ip);
  return placed;
}

export function mayPassOn(flow: ReportedFlow, claims: AddressClaims): boolean {
  return placedAddresses(flow).every((ip) => !claims.isForeign(flow.host, ip));
}
