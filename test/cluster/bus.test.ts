/** The in-process bus, what of a fleet is published, and the lifecycle of the link to NATS. */
import { expect, test } from 'vitest';
import { type BusEvent, publishFleet } from '../../aggregator/cluster/bus.ts';
import { createInProcessBus } from '../../aggregator/cluster/in-process.ts';
import { type LinkEvent, type LinkState, oneLine, transition } from '../../aggregator/cluster/nats-link.ts';
import { defaultCorrelatorLimits } from '../../aggregator/correlate/correlator.ts';
import { Naming } from '../../aggregator/graph/naming.ts';
import { LiveView } from '../../aggregator/live-view.ts';
import type { ConnectionView, EdgeView, FleetEvent, FleetView } from '../../aggregator/serve/fleet-view.ts';
import { ReportedFleet } from '../support/reported-fleet.ts';
import { connectionDocument, edgeDocument, opened } from './bus-events.ts';

test('listeners in the process hear every event in order, until they leave', () => {
  const bus = createInProcessBus(() => 1_000);
  const heard: string[] = [];
  const leave = bus.subscribe((event) => heard.push(`a ${event.kind}`));
  bus.subscribe((event) => heard.push(`b ${event.kind}`));
  bus.publish(opened('c1'));
  leave();
  bus.publish(opened('c2'));
  expect(heard).toEqual(['a opened', 'b opened', 'b opened']);
  expect(bus.state()).toEqual({
    state: 'connected',
    since: 1_000,
    error: null,
    published: 2,
    lost: 0,
    queued: 0,
    repeated: 0,
  });
});

test('a fleet’s opened, closed and first-seen edges are published, as documents of that moment', () => {
  const connection = { id: 'c1' } as ConnectionView;
  const edge = { client: 'web' } as EdgeView;
  let tell: (event: FleetEvent) => void = () => {};
  let left = false;
  const view = {
    subscribe(listener: (event: FleetEvent) => void) {
      tell = listener;
      return () => {
        left = true;
      };
    },
  } as FleetView;
  let documentsMade = 0;
  const documents = {
    connection: ({ id }: ConnectionView) => {
      documentsMade++;
      return connectionDocument(id);
    },
    edge: () => edgeDocument,
  };
  const bus = createInProcessBus();
  const stop = publishFleet(view, bus, documents);
  tell({ kind: 'opened', connection, atMs: 1 });
  expect(documentsMade).toBe(0);
  const heard: BusEvent[] = [];
  bus.subscribe((event) => heard.push(event));
  tell({ kind: 'opened', connection, atMs: 2 });
  tell({ kind: 'refused', connection, atMs: 3 });
  tell({ kind: 'closed', connection, atMs: 4 });
  tell({ kind: 'edge', edge, atMs: 5 });
  expect(heard).toEqual([
    { kind: 'opened', atMs: 2, document: connectionDocument('c1') },
    { kind: 'closed', atMs: 4, document: connectionDocument('c1') },
    { kind: 'edge', atMs: 5, document: edgeDocument },
  ]);
  stop();
  expect(left).toBe(true);
});

test('what happens while nobody listens is told to nobody, and no view of a connection is made for it', () => {
  const fleet = new ReportedFleet();
  let viewsMade = 0;
  const view = new LiveView({
    naming: new Naming([], []),
    limits: defaultCorrelatorLimits,
    sinceMs: 0,
    // Each view asks for the time, and nothing else here does.
    clock: () => {
      viewsMade++;
      return fleet.nowMs;
    },
    hosts: () => [],
  });
  const bus = createInProcessBus();
  publishFleet(view, bus, {
    connection: ({ id }) => connectionDocument(id),
    edge: () => edgeDocument,
  });
  const host = fleet.host('web1', { addresses: ['10.0.0.1'] });
  const openAndClose = (port: number): void => {
    const socket = fleet.build(host, '10.0.0.1:40000', `10.9.9.9:${port}`);
    view.reports.opened(socket, fleet.nowMs);
    view.correlator.sweep(fleet.nowMs + 4_000);
    socket.closedAtMs = fleet.nowMs + 5_000;
    view.reports.closed(socket, socket.closedAtMs);
  };
  openAndClose(80);
  expect(viewsMade).toBe(0);
  const heard: string[] = [];
  const leave = bus.subscribe(({ kind }) => heard.push(kind));
  openAndClose(81);
  expect([heard, viewsMade]).toEqual([['edge', 'opened', 'closed'], 2]);
  leave();
  openAndClose(82);
  expect([heard.length, viewsMade]).toEqual([3, 2]);
});

const away: LinkState = { state: 'disconnected', since: 1, error: 'refused' };
const there: LinkState = { state: 'connected', since: 1, error: null };
const full: LinkState = { state: 'connected', since: 1, error: 'full' };
const over: LinkState = { state: 'closed', since: 1 };

test.each<[string, LinkState, LinkEvent, LinkState]>([
  ['it connects', away, { kind: 'ready' }, { state: 'connected', since: 9, error: null }],
  ['it is lost', there, { kind: 'lost', error: 'gone' }, { state: 'disconnected', since: 9, error: 'gone' }],
  ['still away, for another reason', away, { kind: 'lost', error: 'dns' }, { ...away, error: 'dns' }],
  ['the stream refuses', there, { kind: 'answered', error: 'full' }, { ...there, error: 'full' }],
  ['the stream takes again', full, { kind: 'answered', error: null }, there],
  ['it is closed', there, { kind: 'closed' }, { state: 'closed', since: 9 }],
])('link: %s', (_name, from, event, to) => {
  expect(transition(from, event, 9)).toEqual(to);
});

test.each<[string, LinkState, LinkEvent]>([
  ['ready twice', there, { kind: 'ready' }],
  ['lost twice for the same reason', away, { kind: 'lost', error: 'refused' }],
  ['a late answer while away', away, { kind: 'answered', error: 'full' }],
  ['anything after the end', over, { kind: 'ready' }],
])('link: %s changes nothing', (_name, from, event) => {
  expect(transition(from, event, 9)).toBe(from);
});

test('an error is one line, with its causes, each once', () => {
  const error = new Error('publish failed', {
    cause: new Error('no\nresponders', { cause: new Error('publish failed') }),
  });
  expect(oneLine(error)).toBe('publish failed: no responders');
  expect(oneLine('plain')).toBe('plain');
});
