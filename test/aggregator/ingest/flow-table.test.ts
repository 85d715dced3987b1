/** What a host passes on, as its agent tells it: opened, over at once, gone on with, replaced. */
import { expect, test } from 'vitest';
import type { ReportedFlow, ReportingHost } from '../../../aggregator/correlate/report.ts';
import { FlowTable, type OpenedFlow } from '../../../aggregator/ingest/flow-table.ts';
import { ReportsLedger } from './reports-ledger.ts';

const host = {} as ReportingHost;
const end = (port: number) => ({ ip: '10.0.0.1', port });

function flow(id: number, closedAtMs: number | null = null): OpenedFlow {
  return {
    slot: id,
    id,
    protocol: 'tcp',
    state: 'established',
    netns: 1,
    local: end(id),
    remote: end(443),
    inode: 0,
    uid: 0,
    owners: [],
    openedAtMs: 1,
    notBeforeMs: 0,
    acceptedMs: 0,
    forwarded: { local: end(id + 100), remote: end(8443) },
    translation: null,
    counters: null,
    byConntrack: false,
    closedAtMs,
  };
}

function tableOf(...ids: number[]): { table: FlowTable; ledger: ReportsLedger } {
  const ledger = new ReportsLedger();
  const table = new FlowTable(host, ledger);
  for (const id of ids) table.open(flow(id), 0);
  ledger.story.length = 0;
  return { table, ledger };
}

const portsOf = (flows: Iterable<ReportedFlow>): number[] =>
  [...flows].map(({ dialed }) => dialed.local.port);

test('one that is over in the message that tells it is told all the same', () => {
  const { table, ledger } = tableOf();
  table.open(flow(1, 2), 5);
  expect(ledger.story).toEqual(['forwarded 1', 'ended 1']);
  expect(table.size).toBe(0);
});

test('a snapshot of the same run goes on with those it has, and ends the others', () => {
  const { table, ledger } = tableOf(1, 2, 3);
  table.replace([flow(1), flow(2, 7), flow(4), flow(5, 7)], true, 9);
  expect(ledger.story).toEqual(['forwarded 4', 'forwarded 5', 'ended 5', 'ended 2', 'ended 3']);
  expect(portsOf(ledger.flows)).toEqual([1, 4]);
});

test('a snapshot of another run tells all anew', () => {
  const { table, ledger } = tableOf(1);
  table.replace([flow(1)], false, 9);
  expect(ledger.story).toEqual(['forwarded 1', 'ended 1']);
  expect(portsOf(ledger.flows)).toEqual([1]);
});

test('a host that is lost ends all', () => {
  const { table, ledger } = tableOf(1, 2);
  table.clear(9);
  expect(ledger.story).toEqual(['ended 1', 'ended 2']);
  expect([table.size, ledger.flows.size]).toEqual([0, 0]);
});
