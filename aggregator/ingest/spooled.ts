/**
 * Messages out of an agent's spool: what was over before it could be told. Each stands by itself and touches nothing of the
 * copy: its sockets are told on as history, but for those that were told already, as they came and closed or in an earlier
 * message of the same kind.
 */
import { isListening } from '../../model/socket-state.ts';
import type { AgentBatch } from '../../wire/agent-batch.ts';
import { WireError } from '../../wire/wire-error.ts';
import type { ReportingHost, SocketReports } from '../correlate/report.ts';
import type { AgentRecord, Moment } from './agent-record.ts';
import { StreamDictionary } from './dictionary.ts';
import { isFlow } from './flow-table.ts';
import { type OpenedRow, reportedBy } from './opened-row.ts';
import { resolveRows } from './rows.ts';
import type { ToldEpoch } from './told-sockets.ts';

/** What came of the sockets of one message. */
export interface SpooledTold {
  readonly told: number;
  /** They were told before. */
  readonly known: number;
}

/** Applies a message; all of it or, when it throws WireError, nothing. @param epoch of the stream */
export function takeSpooled(
  batch: AgentBatch,
  record: AgentRecord,
  epoch: number,
  reports: SocketReports,
  arrived: Moment,
): SpooledTold {
  const { spooledEpoch } = batch;
  if (spooledEpoch > epoch) {
    throw new WireError('out-of-place', `spooled epoch ${spooledEpoch} is above the agent's, ${epoch}`);
  }
  const dictionary = new StreamDictionary();
  dictionary.define(batch);
  const rows = resolveRows(batch, dictionary, record.clock, arrived);
  checkOver(batch, rows.opened);
  for (const gap of batch.gaps) record.addAgentGap(gap, arrived.unixMs, spooledEpoch);
  const told = record.toldSockets.of(spooledEpoch);
  const fresh = told === null ? [] : rows.opened.filter(({ id }) => !told.has(id));
  declareUnsure(rows.opened, told, record);
  for (const open of fresh) {
    told!.add(open.id);
    if (!record.table.hasVanished(open)) tellPast(open, record.host, spooledEpoch, reports, arrived.unixMs);
  }
  return { told: fresh.length, known: rows.opened.length - fresh.length };
}

/** Nothing but sockets that it opens and closes, and what belongs to them. */
function checkOver(batch: AgentBatch, opened: readonly OpenedRow[]): void {
  const { flags, updates, reownedSlots, droppedProcesses, droppedNetns, closes } = batch;
  const others = [updates.slot, reownedSlots, droppedProcesses, droppedNetns];
  const isOver = opened.every(({ closedAtMs }) => closedAtMs !== null);
  if (flags === 0 && isOver && closes.slot.length === opened.length && others.every(isEmpty)) return;
  throw new WireError(
    'out-of-place',
    'a spooled message tells of sockets that are over, and of nothing else',
  );
}

function isEmpty(column: ArrayLike<number>): boolean {
  return column.length === 0;
}

/** Of some nobody knows any more whether they were told. */
function declareUnsure(opened: readonly OpenedRow[], told: ToldEpoch | null, record: AgentRecord): void {
  const unsure = opened.filter(({ id }) => told === null || (told.has(id) && told.isUnsure(id)));
  if (unsure.length === 0) return;
  const fromMs = unsure.reduce(
    (least, { openedAtMs }) => Math.min(least, openedAtMs),
    Number.POSITIVE_INFINITY,
  );
  const toMs = unsure.reduce((most, { closedAtMs }) => Math.max(most, closedAtMs!), 0);
  const reason = 'closed sockets were told so late that it is not known any more which were told before';
  record.addGap({ fromMs, toMs, reason, lostEvents: unsure.length });
}

/** That somebody listened once says nothing about what is there now. */
function tellPast(
  open: OpenedRow,
  host: ReportingHost,
  epoch: number,
  reports: SocketReports,
  nowMs: number,
): void {
  const closedAtMs = open.closedAtMs!;
  if (isFlow(open)) {
    const { protocol, netns, local, remote, forwarded, openedAtMs } = open;
    const flow = { host, protocol, netns, dialed: { local, remote }, forwarded, openedAtMs };
    reports.forwarded(flow, nowMs);
    reports.forwardEnded(flow, nowMs, closedAtMs);
  } else if (!isListening(open.state)) {
    const socket = reportedBy(host, epoch, open, closedAtMs);
    reports.opened(socket, nowMs);
    reports.closed(socket, nowMs);
  }
}
