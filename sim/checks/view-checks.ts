/** What the aggregator shows, held against what its agents' messages say, and against its own promises. */

import { hostGapsMax, type ReportedSocket, type ReportingHost } from '../../aggregator/correlate/report.ts';
import { defaultIngestLimits, type IngestLimits } from '../../aggregator/ingest/limits.ts';
import { isListening } from '../../model/socket-state.ts';
import { type RunningAggregator, sweepIntervalMs } from '../machines/simulated-aggregator.ts';
import type { World } from '../world/world.ts';
import type { DeliveryChecks } from './delivery-checks.ts';
import { demand } from './invariants.ts';

export interface ViewParts {
  readonly world: World;
  readonly delivery: DeliveryChecks;
  readonly limits: Partial<IngestLimits>;
  readonly simulatedMs: () => number;
  /** How long what is closed is shown. */
  readonly lingerMs: number;
  /** When the aggregator began to take calls; leases are counted from then. */
  readonly openedMs: number;
}

/** Of each host the sockets that are shown as open, each as one text, with how often it is shown. */
type Shown = Map<ReportingHost, Map<string, number>>;

/** How long kernels remember connections in TIME_WAIT, at most, with all that goes before that. */
const restMaxMs = 90_000;

/** I10: what is shown of a host is what its messages say. */
export function demandShownAsTold({ view }: RunningAggregator, { delivery, lingerMs }: ViewParts): void {
  const shown = openSockets(view);
  for (const host of view.hosts()) {
    const replica = delivery.replica(hostIndex(host));
    if (!replica.isKnown) continue;
    const rows = shown.get(host) ?? new Map<string, number>();
    const copy = host.state === 'lost' || replica.copy === null ? [] : [...replica.copy.values()];
    for (const { tuple, inode, id } of copy) {
      const text = `${tuple} ${inode}`;
      const count = rows.get(text) ?? 0;
      // A connection that only rests is shown no longer than one that is closed, though its row is there.
      if (count === 0 && inode === 0 && lingerMs < restMaxMs) continue;
      demand(count > 0, 'I10', () => `${host.name}: ${text} (${id}) was told and is not shown`);
      if (count === 1) rows.delete(text);
      else rows.set(text, count - 1);
    }
    const [left] = rows.keys();
    demand(left === undefined, 'I10', () => `${host.name}: ${left} is shown and was not told`);
  }
}

/** Sockets of hosts that are shown as open now. */
function openSockets(view: RunningAggregator['view']): Shown {
  const shown: Shown = new Map();
  const add = (socket: ReportedSocket): void => {
    if (socket.closedAtMs !== null) return;
    const rows = shown.get(socket.host) ?? new Map<string, number>();
    shown.set(socket.host, rows);
    const { protocol, local, remote, inode } = socket;
    const text = `${protocol} ${local.ip}:${local.port}>${remote.ip}:${remote.port} ${inode}`;
    rows.set(text, (rows.get(text) ?? 0) + 1);
  };
  for (const { client, server } of view.connections()) {
    // Behind a connection over UDP may stand a socket that is connected to none.
    for (const { socket } of [client, server]) if (socket !== null && !isListening(socket.state)) add(socket);
  }
  for (const { socket } of view.listeners()) add(socket);
  return shown;
}

/** I9: leases run on the clock that never steps. */
export function demandLeases({ view }: RunningAggregator, parts: ViewParts): void {
  const { delivery, limits, openedMs, simulatedMs } = parts;
  const { staleAfterMs, lostAfterMs } = { ...defaultIngestLimits, ...limits };
  const nowMs = simulatedMs();
  for (const host of view.hosts()) {
    const replica = delivery.replica(hostIndex(host));
    const outOfStepMs = nowMs - replica.inStepMs;
    const isLate = outOfStepMs > staleAfterMs + 2 * sweepIntervalMs;
    demand(!isLate || host.state !== 'live', 'I9', () => `${host.name} is live after ${outOfStepMs} ms`);
    const silentMs = nowMs - Math.max(replica.heardMs, openedMs);
    const isGone = silentMs > lostAfterMs + 2 * sweepIntervalMs;
    demand(
      !isGone || host.state === 'lost',
      'I9',
      () => `${host.name} is ${host.state} after ${silentMs} ms`,
    );
  }
}

/** I12, of the aggregator. */
export function demandAggregatorBounds({ view, ingest }: RunningAggregator, { world }: ViewParts): void {
  const { size } = world.ledger;
  for (const [name, entries] of Object.entries(view.sizes)) {
    // Each table has a few entries for each socket that there ever was, at most.
    demand(entries <= 16 * size + 64, 'I12', () => `${name} of the aggregator has ${entries} entries`);
  }
  for (const { gaps, name } of view.hosts()) {
    demand(gaps.length <= hostGapsMax, 'I12', () => `${name} has ${gaps.length} gaps`);
  }
  const { waiting } = ingest.turns;
  demand(waiting <= 16 * ingest.streams, 'I12', () => `${waiting} messages wait at the aggregator`);
  demand(ingest.counters.faults === 0, 'none', () => `ingest failed ${ingest.counters.faults} times`);
}

export function hostIndex({ id }: ReportingHost): number {
  return Number(id.slice('host-'.length));
}
