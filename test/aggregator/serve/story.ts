/**
 * One fleet for the tests of this folder, at 14:02 UTC: two callers with agents, one without, a server that nobody
 * calls, and a host that went silent.
 *
 *   web1, web2   index_search ──▶ idx1 index :8743 (bound to all addresses) ──▶ db1 store :5432
 *   10.9.4.20    (no agent)   ──▶ idx1 index :8743
 *   idx1         admin :9000  (nobody)
 */
import type { ReportingHost } from '../../../aggregator/correlate/report.ts';
import { type AnswerRequest, emptyRequest } from '../../../aggregator/serve/request.ts';
import { ReportedFleet } from '../../support/reported-fleet.ts';

export const startMs = Date.parse('2026-11-22T14:02:00.000Z');

export interface Story {
  readonly fleet: ReportedFleet;
  readonly idx1: ReportingHost;
}

export function tellStory(): Story {
  const fleet = new ReportedFleet({ sinceMs: startMs });
  const web1 = fleet.host('web1', { addresses: ['10.1.17.138', '127.0.0.1'] });
  const web2 = fleet.host('web2', { addresses: ['10.1.17.139'] });
  const idx1 = fleet.host('idx1', { addresses: ['127.0.0.1', '10.1.100.9'], labels: { tier: 'search' } });
  const db1 = fleet.host('db1', { addresses: ['10.1.200.1'] });
  fleet.listen(idx1, '0.0.0.0:8743', { program: 'index', pid: 4121 });
  fleet.listen(idx1, '127.0.0.1:9000', { program: 'admin', pid: 4200 });
  fleet.listen(db1, '10.1.200.1:5432', { program: 'store', pid: 77 });
  for (const [host, ip, pid] of [
    [web1, '10.1.17.138', 25465],
    [web2, '10.1.17.139', 30001],
  ] as const) {
    fleet.open(host, `${ip}:8653`, '10.1.100.9:8743', { program: 'index_search', pid });
    fleet.open(idx1, '10.1.100.9:8743', `${ip}:8653`, { program: 'index', pid: 4121 });
  }
  fleet.open(idx1, '10.1.100.9:8743', '10.9.4.20:40000', { program: 'index', pid: 4121 });
  fleet.open(idx1, '10.1.100.9:41000', '10.1.200.1:5432', { program: 'index', pid: 4121 });
  fleet.open(db1, '10.1.200.1:5432', '10.1.100.9:41000', { program: 'store', pid: 77 });
  fleet.pass(60_000);
  return { fleet, idx1 };
}

/** A host of the story goes silent now. */
export function silence(fleet: ReportedFleet, name: string): void {
  const host = fleet.hosts.get(name)!;
  host.state = 'stale';
  host.awaySinceMs = fleet.nowMs;
}

export function ask(request: Partial<AnswerRequest>): AnswerRequest {
  return { ...emptyRequest, ...request };
}
