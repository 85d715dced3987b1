/** Questions are answered from numbers, in no order and in steps; any fleet gets the answers that a plain walk finds. */
import { expect, test } from 'vitest';
import type { SocketReports } from '../../../aggregator/correlate/report.ts';
import type { LiveView } from '../../../aggregator/live-view.ts';
import type { ConnectionEnd, ConnectionView } from '../../../aggregator/serve/fleet-view.ts';
import { type AnswerRequest, emptyRequest } from '../../../aggregator/serve/request.ts';
import { atOnce } from '../../../aggregator/steps.ts';
import { everything } from '../../../query/syntax.ts';
import { connections, from, map, services, to } from '../../support/answers-at-once.ts';
import { fc } from '../../support/random-cases.ts';
import { type FleetPlan, fleetPlan } from '../../support/truth/fleet-plan.ts';
import { SimulatedFleet } from '../../support/truth/simulated-fleet.ts';
import { historyOf } from '../../support/truth/true-history.ts';
import { plainConnections, plainEdges, plainPeers, plainServices } from '../serve/plain-answers.ts';

const now = 1_700_000_600_000;

/** What filters are made of: which connection and end a term is about, and how. */
const terms = fc.record({
  connection: fc.nat(),
  side: fc.constantFrom('client', 'server'),
  kind: fc.constantFrom('ip', 'endpoint', 'port', 'prefix', 'service', 'host', 'named-port', 'nobody'),
  length: fc.integer({ min: 0, max: 32 }),
});
type TermPlan = typeof terms extends fc.Arbitrary<infer Plan> ? Plan : never;

const questions = fc.record({
  terms: fc.tuple(terms, terms),
  shape: fc.constantFrom('one', 'and', 'or', 'not', 'and not', 'all'),
  realm: fc.constantFrom('', '', 'r0'),
  sort: fc.constantFrom('', '-openedAt', 'server.port', '-client.service', 'state', 'lastSeenAt'),
  limit: fc.integer({ min: 1, max: 20 }),
});
type QuestionPlan = typeof questions extends fc.Arbitrary<infer Plan> ? Plan : never;

function termText(all: readonly ConnectionView[], { connection, side, kind, length }: TermPlan): string {
  const end = all[connection % all.length]?.[side as 'client' | 'server'];
  if (end === undefined || kind === 'nobody') return 'nobody';
  const { ip, port } = end.endpoint;
  const isV6 = ip.includes(':');
  if (kind === 'ip') return ip;
  if (kind === 'endpoint') return isV6 ? `[${ip}]:${port}` : `${ip}:${port}`;
  if (kind === 'port') return `:${port}`;
  if (kind === 'prefix') return `${ip}/${isV6 ? 4 * length : length}`;
  if (kind === 'host') return `"${end.host?.name ?? 'nobody'}"`;
  return kind === 'service' ? `"${end.label}"` : `${end.label}:${port}`;
}

function filterText(all: readonly ConnectionView[], { terms: [a, b], shape }: QuestionPlan): string {
  const [one, other] = [termText(all, a), termText(all, b)];
  if (shape === 'all') return '';
  if (shape === 'one') return one;
  if (shape === 'not') return `not ${one}`;
  return `${one} ${shape} ${other}`;
}

/** @returns how many rows of answers were compared */
function compareAnswers(view: LiveView, plan: QuestionPlan): number {
  const all = [...view.connections()];
  const { realm, sort, limit } = plan;
  const ask = (q: string): AnswerRequest => ({ ...emptyRequest, q, realm, sort: '', limit: 0 });
  const request = ask(filterText(all, plan));
  const sorted = { ...request, sort, limit };
  const found = connections(view, sorted, now);
  expect({ connections: found.connections, total: found.total }).toEqual(plainConnections(view, sorted));
  const target = ask(termText(all, plan.terms[0]));
  const callers = to(view, target, now).clients;
  expect(callers).toEqual(plainPeers(view, target, 'client'));
  expect(from(view, target, now).servers).toEqual(plainPeers(view, target, 'server'));
  const inventory = services(view, request, now).services;
  expect(inventory).toEqual(plainServices(view, request));
  const drawn = map(view, request, now);
  const edges = plainEdges(view, request);
  expect(textsOf(drawn.edges)).toEqual(textsOf(edges));
  const named = new Set([
    ...edges.flatMap(({ client, server }) => [client, server]),
    ...plainServices(view, request).map(({ service }) => service),
  ]);
  const shown = plainServices(view, { ...request, q: '' }).filter(({ service }) => named.has(service));
  expect(drawn.services).toEqual(shown);
  return found.total + callers.length + edges.length;
}

function textsOf(rows: readonly object[]): string[] {
  return rows.map((row) => JSON.stringify(row)).toSorted();
}

/** Each connection by its fields, in the order in which they were begun. */
function fieldsOf(found: readonly ConnectionView[]): object[] {
  return found.toSorted((a, b) => a.number - b.number).map(connectionFields);
}

function connectionFields(view: ConnectionView): ConnectionView {
  const { id, number, protocol, state, seen, unseenBecause, direction } = view;
  const { openedAtMs, closedAtMs, lastSeenAtMs, traffic, joinedBy } = view;
  return {
    id,
    number,
    protocol,
    state,
    seen,
    unseenBecause,
    direction,
    openedAtMs,
    closedAtMs,
    lastSeenAtMs,
    traffic,
    joinedBy,
    client: endFields(view.client),
    server: endFields(view.server),
  };
}

function endFields(end: ConnectionEnd): ConnectionEnd {
  const { endpoint, realm, socket, host, netns, owners, service, label, seenAs } = end;
  return { endpoint, realm, socket, host, netns, owners, service, label, seenAs };
}

/** The same fleet at some moments of its history, and at its end. */
function watched(plan: FleetPlan, everyReport: number, look: (view: LiveView) => void): void {
  let [told, view] = [0, null as LiveView | null];
  const after = (tell: SocketReports['opened']): SocketReports['opened'] => {
    return (socket, nowMs) => {
      tell(socket, nowMs);
      told++;
      if (told % everyReport === 0 && view !== null) look(view);
    };
  };
  const meddle = (reports: SocketReports): SocketReports => ({
    ...reports,
    opened: after((socket, nowMs) => reports.opened(socket, nowMs)),
    closed: after((socket, nowMs) => reports.closed(socket, nowMs)),
  });
  const fleet = new SimulatedFleet(historyOf(plan), { meddle });
  view = fleet.view;
  fleet.run();
  look(view);
}

test('the answers of a plain walk', { timeout: 300_000 }, () => {
  let [compared, plain] = [0, 0];
  fc.assert(
    fc.property(fleetPlan, fc.array(questions, { minLength: 2, maxLength: 4 }), (plan, asked) => {
      watched(plan, 7, (view) => {
        const found: ConnectionView[] = [];
        const all = { filter: everything, realm: '', of: 'connection' } as const;
        atOnce(view.search(all, (block) => found.push(...block)));
        expect(fieldsOf(found)).toEqual(fieldsOf([...view.connections()]));
        for (const question of asked) compared += compareAnswers(view, question);
        plain += view.sizes['plain']!;
      });
    }),
    { numRuns: Number(process.env['RUNS'] ?? 20), endOnFailure: process.env['SHRINK'] === '0' },
  );
  // There was something to find, and the core had it.
  expect(compared).toBeGreaterThan(1_000);
  expect(plain).toBeGreaterThan(100);
});
