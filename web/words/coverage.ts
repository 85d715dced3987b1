/** How much of the fleet the answer rests on. */
import type { HostDocument } from '../../model/document.ts';
import { plural } from './format.ts';

export interface Coverage {
  readonly reporting: number;
  readonly hosts: number;
  /** Every host that does not report, or sees less than everything, in one line each. */
  readonly faults: readonly { readonly host: string; readonly fault: string }[];
}

export function coverageOf(hosts: readonly HostDocument[]): Coverage {
  const faults = hosts.flatMap((host) => {
    const fault = faultOf(host);
    return fault === null ? [] : [{ host: host.host, fault }];
  });
  return { reporting: hosts.filter((host) => host.state === 'live').length, hosts: hosts.length, faults };
}

function faultOf(host: HostDocument): string | null {
  if (host.state !== 'live') return host.state;
  if (host.cannotSee.length > 0) return `cannot see ${host.cannotSee.join(', ')}`;
  if (host.gaps.length > 0) return plural(host.gaps.length, 'gap');
  return null;
}

/** `4 of 5 hosts report`. */
export function formatCoverage(coverage: Coverage): string {
  if (coverage.hosts === 0) return 'no host reports';
  return `${coverage.reporting} of ${plural(coverage.hosts, 'host')} ${coverage.reporting === 1 ? 'reports' : 'report'}`;
}
