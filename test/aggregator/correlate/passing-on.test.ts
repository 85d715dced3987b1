/** Records of what hosts pass on are worth what is known of the addresses in them, whenever that becomes known. */
import { describe, expect, it } from 'vitest';
import { flowLingerMs } from '../../../aggregator/correlate/flows.ts';
import type { ReportedSocket } from '../../../aggregator/correlate/report.ts';
import { formatEndpoint } from '../../../model/endpoint.ts';
import { ReportedFleet, translationOf } from '../../support/reported-fleet.ts';

/** a dials the node port of f, which passes it on to the pod on b. */
const dialed = '10.0.0.1:40003>10.0.0.3:30443';
const forwarded = '10.0.0.3:50000>10.244.2.2:8443';

class Story {
  readonly fleet = new ReportedFleet();
  readonly a = this.fleet.host('a', { addresses: ['10.0.0.1'] });
  readonly m = this.fleet.host('m', { addresses: ['10.0.0.9'] });

  open(name: string, tuple: string, outermost: string | null = null): ReportedSocket {
    const [local, remote] = tuple.split('>');
    const translation = outermost === null ? {} : { translation: translationOf('server', [outermost]) };
    return this.fleet.open(this.fleet.hosts.get(name)!, local!, remote!, { program: name, ...translation });
  }

  /** The ends as they are: the client on a, the server on b. */
  openEnds(): void {
    this.open('a', dialed);
    this.fleet.host('b', { addresses: ['10.0.0.2', '10.244.2.2'] });
    this.open('b', '10.244.2.2:8443>10.0.0.3:50000');
  }

  /** Client and server by the names of their hosts, `?` where nobody reports the end. */
  get pairs(): string[] {
    return this.fleet
      .connections()
      .map(({ client, server }) => [client, server].map(({ socket }) => socket?.host.name ?? '?').join(' > '))
      .sort((one, other) => one.localeCompare(other));
  }

  get ends(): string[] {
    const { client, server } = this.fleet.only();
    return [client, server].map(({ endpoint }) => formatEndpoint(endpoint));
  }
}

describe('what a host says that it passes on, of addresses that nobody claims yet', () => {
  it('does not turn a connection round for good', () => {
    const story = new Story();
    const { fleet } = story;
    fleet.forward(story.m, '10.244.2.2:8443>10.0.0.3:50000', '10.0.0.3:30443>10.0.0.1:40003');
    story.openEnds();
    expect(story.pairs).toEqual(['b > a']);

    const f = fleet.host('f', { addresses: ['10.0.0.3'] });
    expect(fleet.connections().map(({ joinedBy }) => joinedBy)).toEqual([null, null]);
    fleet.forward(f, dialed, forwarded);
    expect(story.pairs).toEqual(['a > b']);
    expect(fleet.only()).toMatchObject({ joinedBy: 'forwarder', direction: 'conntrack' });
  });

  it.each([
    ['goes on', false],
    ['is over and forgotten', true],
  ])('does not keep an end from its peer when it %s as the true forwarder appears', (_, isOver) => {
    const story = new Story();
    const { fleet } = story;
    const lie = fleet.forward(story.m, dialed, '10.0.0.3:50000>10.0.0.9:7');
    story.open('m', '10.0.0.9:7>10.0.0.3:50000');
    story.openEnds();
    expect(story.pairs).toEqual(['? > b', 'a > m']);
    if (isOver) {
      fleet.view.reports.forwardEnded(lie, fleet.nowMs);
      fleet.pass(flowLingerMs);
      expect(fleet.view.sizes['flows']).toBe(0);
    }

    const f = fleet.host('f', { addresses: ['10.0.0.3'] });
    expect(story.pairs).toEqual(['? > b', '? > m', 'a > ?']);
    fleet.forward(f, dialed, forwarded);
    expect(story.pairs).toEqual(['? > m', 'a > b']);
  });

  it('does not tell for good where an unseen end is', () => {
    const story = new Story();
    story.fleet.forward(story.m, dialed, '10.0.0.3:50000>10.0.0.9:7');
    story.open('a', dialed);
    expect(story.ends).toEqual(['10.0.0.1:40003', '10.0.0.9:7']);
    const f = story.fleet.host('f', { addresses: ['10.0.0.3'] });
    expect(story.ends).toEqual(['10.0.0.1:40003', '10.0.0.3:30443']);
    story.fleet.forward(f, dialed, forwarded);
    expect(story.ends).toEqual(['10.0.0.1:40003', '10.244.2.2:8443']);
  });

  it('leaves nothing behind', () => {
    const story = new Story();
    const { fleet } = story;
    const flow = fleet.forward(story.m, dialed, forwarded);
    story.openEnds();
    for (const host of [story.a, fleet.hosts.get('b')!]) {
      const sockets = fleet
        .connections()
        .flatMap(({ client, server }) => [client.socket, server.socket])
        .filter((socket) => socket?.host === host);
      fleet.view.reports.hostLost(host, sockets as ReportedSocket[], fleet.nowMs);
    }
    fleet.view.reports.forwardEnded(flow, fleet.nowMs);
    fleet.pass(flowLingerMs);
    expect(Object.entries(fleet.view.sizes).filter(([, size]) => size > 0)).toEqual([]);
  });
});

describe('what a host passes on through an address that another gives up', () => {
  it('is joined as soon as that is known', () => {
    const story = new Story();
    const { fleet } = story;
    const before = fleet.host('before', { addresses: ['10.0.0.3'] });
    const f = fleet.host('f', { addresses: ['10.0.0.4'] });
    fleet.forward(f, dialed, forwarded);
    story.openEnds();
    expect(story.pairs).toEqual(['? > b', 'a > ?']);
    before.netns.clear();
    fleet.view.reports.hostChanged(before, fleet.nowMs);
    expect(story.pairs).toEqual(['a > b']);
  });
});

describe('what three hosts pass on, one after the other', () => {
  const steps = [
    ['10.0.0.1:40000>10.0.1.1:81', '10.0.1.1:50001>10.0.1.2:82'],
    ['10.0.1.1:50001>10.0.1.2:82', '10.0.1.2:50002>10.0.1.3:83'],
    ['10.0.1.2:50002>10.0.1.3:83', '10.0.1.3:50003>10.0.0.2:84'],
  ] as const;

  it.each([[[0, 1, 2]], [[0, 2, 1]], [[2, 1, 0]]])('is joined whichever tells of it last: %j', (order) => {
    const story = new Story();
    const { fleet } = story;
    fleet.host('b', { addresses: ['10.0.0.2'] });
    story.open('a', '10.0.0.1:40000>10.0.1.1:81');
    story.open('b', '10.0.0.2:84>10.0.1.3:50003');
    for (const n of order) {
      const host = fleet.host(`f${n}`, { addresses: [`10.0.1.${n + 1}`] });
      const [from, to] = steps[n]!;
      fleet.forward(host, from, to);
    }
    expect(story.pairs).toEqual(['a > b']);
    expect(fleet.only()).toMatchObject({ joinedBy: 'forwarder', direction: 'conntrack' });
  });
});

describe('an end that is seen alone, and passed on', () => {
  /** Ends, nat and direction of the only connection, where its socket lived for 20 s and a record began `sinceMs` after it. */
  function toldIn(order: readonly string[], sinceMs: number): unknown {
    const { fleet, a } = new Story();
    const f = fleet.host('f', { addresses: ['10.0.0.3'] });
    const [openedAtMs, closedAtMs] = [fleet.nowMs, fleet.nowMs + 20_000];
    const [local, remote] = dialed.split('>');
    fleet.pass(60_000);
    const times = { openedAtMs, notBeforeMs: openedAtMs - 1_000 };
    const socket = fleet.build(a, local!, remote!, times);
    const tell: Record<string, () => void> = {
      socket: () => {
        fleet.view.reports.opened(socket, fleet.nowMs);
      },
      close: () => {
        socket.closedAtMs = closedAtMs;
        fleet.view.reports.closed(socket, fleet.nowMs);
      },
      record: () => void fleet.forward(f, dialed, forwarded, 'tcp', openedAtMs + sinceMs),
      // Of a conversation that had the same tuple before.
      older: () => {
        const flow = fleet.forward(f, dialed, '10.0.0.3:50001>10.244.2.3:8443', 'tcp', openedAtMs - 1_500);
        fleet.view.reports.forwardEnded(flow, fleet.nowMs);
      },
    };
    for (const each of order) tell[each]!();
    const { client, server, direction } = fleet.only();
    const seenAs = [client, server].map((end) => end.seenAs && formatEndpoint(end.seenAs.endpoint));
    return { ends: [client, server].map(({ endpoint }) => formatEndpoint(endpoint)), seenAs, direction };
  }

  it.each([
    [['record', 'socket', 'close']],
    [['socket', 'record', 'close']],
    [['socket', 'close', 'record']],
    [['older', 'record', 'socket', 'close']],
    [['socket', 'older', 'record', 'close']],
    [['older', 'socket', 'close', 'record']],
    [['socket', 'close', 'older', 'record']],
  ])('has its other end where its record leads, in any order: %j', (order) => {
    expect(toldIn(order, 500)).toEqual({
      ends: ['10.0.0.1:40003', '10.244.2.2:8443'],
      seenAs: ['10.0.0.3:50000', '10.0.0.3:30443'],
      direction: 'conntrack',
    });
  });

  it.each([
    [['record', 'socket', 'close']],
    [['socket', 'record', 'close']],
    [['socket', 'close', 'record']],
  ])('is not led by a record that began after it was over, in any order: %j', (order) => {
    expect(toldIn(order, 30_000)).toEqual({
      ends: ['10.0.0.1:40003', '10.0.0.3:30443'],
      seenAs: [null, null],
      direction: 'port',
    });
  });
});
