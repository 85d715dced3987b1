/** What an answer rests on: which hosts report, since when, and which intervals nobody watched. */
import type { CoverageDocument, FleetAnswer, PartialHost } from '../../model/document.ts';
import { apiVersion } from '../../wire/protocol.ts';
import type { ReportingHost } from '../correlate/report.ts';
import { formatTime, gapDocuments } from './documents.ts';
import type { FleetView } from './fleet-view.ts';

/** Hosts of one realm, by name; '' = of all. */
export function hostsIn(view: FleetView, realm: string): ReportingHost[] {
  return [...view.hosts()]
    .filter((host) => realm === '' || host.realm === realm)
    .toSorted((a, b) => compareText(a.name, b.name));
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

export function documentHead(view: FleetView, realm: string, now: number): FleetAnswer {
  const hosts = hostsIn(view, realm);
  const demo = hosts.some((host) => host.labels.get('demo') === 'true');
  return { apiVersion, asOf: formatTime(now), partial: partialHosts(hosts), demo };
}

function partialHosts(hosts: readonly ReportingHost[]): PartialHost[] {
  return hosts
    .filter((host) => host.state !== 'live')
    .map((host) => ({
      host: host.name,
      reason:
        host.state === 'stale' ? 'stale: its agent is silent, or not in step yet' : 'lost: its agent is gone',
      since: host.awaySinceMs === null ? null : formatTime(host.awaySinceMs),
    }));
}

export function coverageDocument(view: FleetView, realm: string): CoverageDocument {
  const hosts = hostsIn(view, realm);
  return {
    hosts: hosts.length,
    reporting: hosts.filter((host) => host.state === 'live').length,
    since: formatTime(view.sinceMs),
    gaps: hosts.flatMap(gapDocuments),
  };
}
