/** What is concluded against what was: no join across a reuse, no end lost, counters that equal a recount, no leak. */
import { describe, expect, it } from 'vitest';
import { clockSlackMs } from '../../../aggregator/correlate/generations.ts';
import type { ConnectionView } from '../../../aggregator/serve/fleet-view.ts';
import { kept, recount } from '../../support/match-recount.ts';
import { fc } from '../../support/random-cases.ts';
import { Telling } from './telling.ts';
import { type History, history, scanIntervalMs, skewMaxMs, type Truth } from './true-history.ts';

/** Births this near to each other have bounds that may overlap: nothing can tell them apart. */
const tooNearMs = clockSlackMs + 2 * scanIntervalMs + 2 * skewMaxMs;

/** Another conversation with the same ends that was born about the same time. */
function hasRival(truth: Truth, { truths }: History): boolean {
  return truths.some(
    (other) =>
      other !== truth && isSameTuple(other, truth) && Math.abs(other.bornMs - truth.bornMs) <= tooNearMs,
  );
}

/** Whether an end of one shows what an end of the other does, to its own host or on the wire. */
function isSameTuple(a: Truth, b: Truth): boolean {
  const shown = new Set(a.ends.flatMap(tuplesOf));
  return a.protocol === b.protocol && b.ends.flatMap(tuplesOf).some((tuple) => shown.has(tuple));
}

function tuplesOf({ host, netns, local, remote, stages }: Truth['ends'][number]): string[] {
  return [`${host}/${netns} ${local}>${remote}`, ...stages];
}

function truthsOf(telling: Telling, { client, server }: ConnectionView): Truth[] {
  return [client.socket, server.socket].flatMap((socket) => telling.truthOf.get(socket!) ?? []);
}

function expectTruth(telling: Telling): void {
  const connections = telling.fleet.connections();
  for (const connection of connections) {
    const [one, two] = truthsOf(telling, connection);
    if (one === undefined || two === undefined || one === two) continue;
    expect([hasRival(one, telling.history), hasRival(two, telling.history)]).toContain(true);
  }
  for (const [truth, ends] of telling.endsReported) {
    if (ends.size < 2 || hasRival(truth, telling.history)) continue;
    if (truth.flow !== null && !telling.flowsReported.has(truth)) continue;
    const its = connections.filter((connection) => truthsOf(telling, connection).includes(truth));
    expect([truth, its.map(({ seen }) => seen)]).toEqual([truth, ['both']]);
  }
}

/** The edges counted anew from the connections that have their place. */
function expectCounts(telling: Telling, alsoTotals: boolean): void {
  const { view } = telling.fleet;
  const edges = new Map<string, { open: number; total: number; both: number }>();
  for (const { id, client, server, protocol, closedAtMs, seen } of view.connections()) {
    if (!view.correlator.connections.get(id)!.placed) continue;
    const key = JSON.stringify([client.realm, client.label, server.label, server.endpoint.port, protocol]);
    const edge = edges.get(key) ?? { open: 0, total: 0, both: 0 };
    edge.open += closedAtMs === null ? 1 : 0;
    edge.total++;
    edge.both += seen === 'both' ? 1 : 0;
    edges.set(key, edge);
  }
  for (const { realm, client, server, port, protocol, open, total, seen } of view.edges()) {
    const key = JSON.stringify([realm, client, server, port, protocol]);
    const counted = edges.get(key) ?? { open: 0, total: 0, both: 0 };
    edges.delete(key);
    expect([key, open]).toEqual([key, counted.open]);
    expect(seen.both + seen.client + seen.server).toBe(total);
    if (alsoTotals) expect([key, total, seen.both]).toEqual([key, counted.total, counted.both]);
  }
  expect([...edges.keys()]).toEqual([]);
  expect(kept(view)).toEqual(recount(view));
}

/** Watchers are told of a connection once that it is there, and of its end only after that. */
function expectStream(telling: Telling): void {
  const toldOpen = new Set<string>();
  for (const event of telling.fleet.events) {
    if (event.kind === 'opened') {
      expect(toldOpen).not.toContain(event.connection.id);
      toldOpen.add(event.connection.id);
    } else if (event.kind === 'closed') {
      expect(toldOpen).toContain(event.connection.id);
    }
  }
}

/** When all sockets are closed and all connections lingered out, no index remembers any. */
function expectNothingLeft(telling: Telling): void {
  telling.endAll();
  telling.fleet.pass(60 * 60_000);
  const left = Object.entries(telling.fleet.view.sizes).filter(([, size]) => size > 0);
  expect(left).toEqual([]);
}

describe('what is concluded', () => {
  it('is what was, for any history, delays and clocks', { timeout: 300_000 }, () => {
    fc.assert(
      fc.property(history, (story) => {
        const telling = new Telling(story);
        const everLost = story.hosts.some(({ lost }) => lost !== null);
        telling.tell(() => expectCounts(telling, !everLost));
        expectTruth(telling);
        expectStream(telling);
        expectNothingLeft(telling);
      }),
      { numRuns: Number(process.env['RUNS'] ?? 200) },
    );
  });
});
