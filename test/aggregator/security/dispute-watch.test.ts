/** Disputed addresses in the audit log: each once, and only such as last. */
import { expect, test } from 'vitest';
import type { AuditEvent } from '../../../aggregator/security/audit.ts';
import { DisputeWatch, disputeGraceMs } from '../../../aggregator/security/dispute-watch.ts';
import { ReportedFleet } from '../../support/reported-fleet.ts';

test('one that lasts is told once, and again when it has come back', () => {
  const fleet = new ReportedFleet();
  const told: AuditEvent[] = [];
  const watch = new DisputeWatch(fleet.view.correlator.claims.disputes, (event) => told.push(event));
  fleet.host('db', { addresses: ['10.0.0.2'] });
  const liar = fleet.host('liar', { addresses: ['10.0.0.2'] });
  for (const nowMs of [0, disputeGraceMs - 1]) watch.sweep(nowMs);
  expect(told).toEqual([]);
  for (const nowMs of [disputeGraceMs, disputeGraceMs + 1]) watch.sweep(nowMs);
  const event = {
    kind: 'address-disputed',
    subject: 'address 10.0.0.2',
    peer: null,
    detail: '10.0.0.2 in the realm default is claimed by 2 hosts: db, liar; none of them is taken to have it',
  };
  expect(told).toEqual([event]);
  fleet.view.reports.hostLost(liar, [], fleet.nowMs);
  watch.sweep(disputeGraceMs + 2);
  fleet.view.reports.hostChanged(liar, fleet.nowMs);
  for (const nowMs of [20_000, 20_000 + disputeGraceMs]) watch.sweep(nowMs);
  expect(told).toEqual([event, event]);
});
