/** What people are told of disputed addresses. */
import type { Dispute } from './disputes.ts';
import type { ReportingHost } from './report.ts';

/** Addresses and hosts that are named one by one. */
const namedMax = 8;

/** One for each address, as the host is told of it, and one for all that there are beyond a few. */
export function disputeSentences(host: ReportingHost, disputes: readonly Dispute[]): readonly string[] {
  const sentences = disputes.slice(0, namedMax).map(({ ip, hosts }) => {
    const others = hosts.filter((other) => other !== host);
    return `whose ${ip} is: ${namesOf(others)} ${others.length === 1 ? 'claims' : 'claim'} it too (disputed)`;
  });
  const more = disputes.length - sentences.length;
  return more === 0 ? sentences : [...sentences, `whose ${more} more of its addresses are (disputed)`];
}

/** For a log. */
export function disputeDetail({ ip, realm, hosts }: Dispute): string {
  return `${ip} in the realm ${realm} is claimed by ${hosts.length} hosts: ${namesOf(hosts)}; none of them is taken to have it`;
}

function namesOf(hosts: readonly ReportingHost[]): string {
  const named = hosts.slice(0, namedMax).map(({ name }) => name);
  const more = hosts.length - named.length;
  return [...named, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
