/** What events and scans tell of the same connections becomes one opening and one end of each. */
import { describe, expect, test } from 'vitest';
import type { ConnectionEvent } from '../../../agent/events/connection-event.ts';
import { ShortLived } from '../../../agent/watch/short-lived.ts';
import { SocketWatch } from '../../../agent/watch/socket-watch.ts';
import { endLifetimeMs } from '../../../agent/watch/told-ends.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import type { SocketEvent, SocketFinding } from '../../../model/socket-event.ts';
import { fc } from '../../support/random-cases.ts';
import { hostNetns, owner, row, scan } from '../sockets.ts';

type Told = SocketEvent | SocketFinding;

const counters = { bytesSent: 100, bytesReceived: 2000, rttUs: 150, retransmits: 1 };
const holder = { pid: 77, startTicks: 770, comm: 'curl', uid: 1000 };

function closed(atMs: number, shape: Partial<ConnectionEvent> = {}): ConnectionEvent {
  const { local, remote } = row();
  return {
    kind: 'closed',
    atMs,
    openedAtMs: null,
    aliveAtMs: shape.openedAtMs ?? atMs,
    local,
    remote,
    netns: hostNetns,
    uid: 1000,
    before: 'fin-wait-2',
    holder,
    isInherited: false,
    counters,
    ...shape,
  };
}

function opened(atMs: number, shape: Partial<ConnectionEvent> = {}): ConnectionEvent {
  return closed(atMs, {
    kind: 'opened',
    before: 'syn-sent',
    counters: null,
    openedAtMs: atMs - 2,
    ...shape,
  });
}

/** A watch and what hears of connections besides, as the agent has them. */
class Agent {
  readonly shortLived = new ShortLived(({ holder: who }) => (who === null ? [] : [owner(who.pid)]));
  readonly watch = new SocketWatch(1000, this.shortLived);

  scan(startedAtMs: number, ...sockets: OwnedSocket[]): Told[] {
    const shown = scan(startedAtMs, sockets);
    const events = this.watch.apply(shown);
    this.shortLived.scanned(shown, events);
    return events;
  }

  hear(event: ConnectionEvent): Told[] {
    return this.shortLived.apply(event, this.watch);
  }
}

describe('a connection that is heard to begin', () => {
  test('and of which nothing more is seen or heard, is lost', () => {
    const agent = new Agent();
    agent.scan(1000);
    agent.hear(opened(1500));
    agent.scan(31_000);
    expect(agent.shortLived.unheardTotal).toBe(0);
    agent.scan(70_000);
    expect(agent.shortLived.unheardTotal).toBe(1);
    agent.scan(200_000);
    expect(agent.shortLived.unheardTotal).toBe(1);
  });

  test('is lost when another begins with its tuple', () => {
    const agent = new Agent();
    agent.scan(1000);
    agent.hear(opened(1500));
    agent.hear(opened(1600));
    agent.hear(closed(1700, { openedAtMs: 1598 }));
    expect(agent.shortLived.unheardTotal).toBe(1);
    agent.scan(70_000);
    expect(agent.shortLived.unheardTotal).toBe(1);
  });

  test('is not lost when a scan shows it, or its end is heard', () => {
    const agent = new Agent();
    agent.scan(1000);
    agent.hear(opened(1500));
    agent.hear(opened(1500, { netns: hostNetns + 1 }));
    agent.scan(2000, row());
    agent.hear(closed(3000, { openedAtMs: 1498, netns: hostNetns + 1 }));
    agent.scan(70_000, row());
    expect(agent.shortLived.unheardTotal).toBe(0);
  });
});

describe('a connection that no scan has shown', () => {
  test('is told with its times, its process and its counters', () => {
    const agent = new Agent();
    agent.scan(1000);
    expect(agent.hear(opened(1502))).toEqual([]);
    const { local, remote } = row();
    const socket = {
      protocol: 'tcp',
      state: 'fin-wait-2',
      local,
      remote,
      inode: 0,
      uid: 1000,
      netns: hostNetns,
      owners: [owner(77)],
    };
    expect(agent.hear(closed(1530, { openedAtMs: 1500 }))).toEqual([
      { kind: 'opened', id: 1, socket, openedAtMs: 1500, notBeforeMs: 1499 },
      { kind: 'counted', id: 1, counters },
      { kind: 'closed', id: 1, socket, closedAtMs: 1530 },
    ]);
    expect(agent.watch.size).toBe(0);
    expect(agent.shortLived).toMatchObject({ total: 1, ownerless: 0, forgottenTotal: 0 });
  });

  test('is bounded by the last look where nobody knows when it began', () => {
    const agent = new Agent();
    agent.scan(1000);
    const [begin] = agent.hear(closed(1530, { holder: null }));
    expect(begin).toMatchObject({ openedAtMs: 1530, notBeforeMs: 1000, socket: { owners: [] } });
    expect(agent.shortLived.ownerless).toBe(1);
  });

  test('belongs to the one process that listens where it was accepted', () => {
    const agent = new Agent();
    const { local } = row();
    const at = (ip: string, inode: number, ...owners: OwnedSocket['owners']): OwnedSocket =>
      row({
        state: 'listen',
        inode,
        owners,
        local: { ip, port: local.port },
        remote: { ip: '0.0.0.0', port: 0 },
      });
    const ownersOfNext = (): unknown => {
      const [begin] = agent.hear(closed(9000, { holder: null }));
      return (begin as { socket: OwnedSocket }).socket.owners;
    };
    agent.scan(1000, at('0.0.0.0', 21, owner(5, 3)));
    expect(ownersOfNext()).toEqual([owner(5)]);
    // Two sockets of one process, then of two.
    agent.scan(2000, at('0.0.0.0', 21, owner(5, 3)), at('0.0.0.0', 22, owner(5, 4)));
    expect(ownersOfNext()).toEqual([owner(5)]);
    agent.scan(3000, at('0.0.0.0', 21, owner(5, 3), owner(6, 3)));
    expect(ownersOfNext()).toEqual([]);
    // The very address goes before all of them.
    agent.scan(4000, at('0.0.0.0', 21, owner(5, 3)), at(local.ip, 23, owner(7, 3)));
    expect(ownersOfNext()).toEqual([owner(7)]);
    // Missed by two scans, all of these are gone.
    agent.scan(5000, at('10.9.9.9', 24, owner(8, 3)));
    agent.scan(6000, at('10.9.9.9', 24, owner(8, 3)));
    expect(ownersOfNext()).toEqual([]);
  });

  test("is nobody's when all that is known is who listened, and several processes do", () => {
    const agent = new Agent();
    const { local } = row();
    const listener = (...owners: OwnedSocket['owners']): OwnedSocket =>
      row({ state: 'listen', inode: 21, owners, local, remote: { ip: '0.0.0.0', port: 0 } });
    const ownersOfNext = (isInherited: boolean): unknown => {
      const [begin] = agent.hear(closed(9000, { isInherited }));
      return (begin as { socket: OwnedSocket }).socket.owners;
    };
    expect(ownersOfNext(true)).toEqual([owner(77)]);
    agent.scan(1000, listener(owner(77, 3)));
    expect(ownersOfNext(true)).toEqual([owner(77)]);
    agent.scan(2000, listener(owner(77, 3), owner(78, 3)));
    expect(ownersOfNext(true)).toEqual([]);
    // Its process has closed it.
    expect(ownersOfNext(false)).toEqual([owner(77)]);
  });

  test('is not told again by what the kernel remembers of it', () => {
    const agent = new Agent();
    agent.scan(1000);
    agent.hear(closed(1530, { openedAtMs: 1500 }));
    for (const state of ['time-wait', 'fin-wait-2'] as const) {
      expect(agent.scan(2000, row({ state, inode: 0 }))).toEqual([]);
      expect(agent.scan(3000, row({ state, inode: 0 }))).toEqual([]);
    }
    expect(agent.scan(4000)).toEqual([]);
  });

  test('is told apart from a later one with its tuple', () => {
    const agent = new Agent();
    agent.scan(1000);
    agent.hear(closed(1530, { openedAtMs: 1500 }));
    agent.hear(opened(1602));
    const events = agent.scan(2000, row({ state: 'time-wait', inode: 0 }), row({ inode: 9 }));
    expect(events).toMatchObject([{ kind: 'opened', id: 2, openedAtMs: 1600, notBeforeMs: 1599 }]);
    expect([...agent.watch.watched()]).toMatchObject([{ id: 2 }]);
    expect(agent.hear(closed(2500, { openedAtMs: 1600 })).map(({ kind, id }) => [kind, id])).toEqual([
      ['counted', 2],
      ['closed', 2],
    ]);
  });

  test('is forgotten in the end: then what seems to be left of it is news', () => {
    const agent = new Agent();
    agent.hear(closed(1530, { openedAtMs: 1500 }));
    agent.scan(1530 + endLifetimeMs);
    agent.scan(1530 + 2 * endLifetimeMs);
    const later = 2000 + 2 * endLifetimeMs;
    expect(agent.scan(later, row({ state: 'time-wait', inode: 0 }))).toMatchObject([{ kind: 'opened' }]);
  });

  test('is not told when it was over before the first scan, which the kernel remembers', () => {
    const agent = new Agent();
    const remains = row({ state: 'time-wait', inode: 0 });
    expect(agent.scan(1000, remains)).toEqual([]);
    expect(agent.scan(2000, { ...remains })).toEqual([]);
    expect(agent.watch.size).toBe(0);
    // One that was open then is told, and so is what becomes of it.
    const other = row({ state: 'established', inode: 5, local: { ip: '10.1.17.138', port: 40_001 } });
    expect(agent.scan(3000, { ...remains }, other).map(({ kind }) => kind)).toEqual(['opened']);
  });

  test('that was refused stays in SYN_SENT', () => {
    const agent = new Agent();
    const told = agent.hear(closed(1530, { openedAtMs: 1529, before: 'syn-sent' }));
    expect(told[0]).toMatchObject({ kind: 'opened', socket: { state: 'syn-sent' } });
  });
});

describe('a connection that a scan has shown', () => {
  test('was opened when the event says', () => {
    const agent = new Agent();
    agent.scan(1000);
    agent.hear(opened(1502));
    expect(agent.scan(2000, row({ inode: 7 }))).toMatchObject([
      { kind: 'opened', openedAtMs: 1500, notBeforeMs: 1499 },
    ]);
  });

  test('is closed when the event says, once, with the owners that a scan has seen', () => {
    const agent = new Agent();
    agent.scan(1000, row({ owners: [owner(5, 3)] }));
    const last = row({ owners: [owner(5, 3)] });
    expect(agent.hear(closed(1530))).toEqual([
      { kind: 'counted', id: 1, counters },
      { kind: 'closed', id: 1, socket: last, closedAtMs: 1530 },
    ]);
    expect(agent.scan(2000)).toEqual([]);
    expect(agent.scan(3000)).toEqual([]);
    expect(agent.shortLived.total).toBe(0);
  });

  test('gets the owner of the event where a scan has seen none', () => {
    const agent = new Agent();
    agent.scan(1000, row({ inode: 0 }));
    expect(agent.hear(closed(1530))).toMatchObject([
      { kind: 'counted' },
      { kind: 'closed', socket: { owners: [owner(77)] } },
    ]);
  });

  test('is not opened by a scan that was under way when it was closed', () => {
    const agent = new Agent();
    agent.scan(1000);
    agent.hear(closed(2004, { openedAtMs: 1500 }));
    // Began at 2000, before the end, and read the row then.
    expect(agent.scan(2000, row())).toEqual([]);
    expect(agent.scan(3000)).toEqual([]);
  });

  test('of which a scan is not clear goes on in the next one', () => {
    const agent = new Agent();
    agent.scan(1000);
    agent.hear(closed(2004, { openedAtMs: 1500 }));
    agent.hear(opened(2008));
    expect(agent.scan(2000, row({ inode: 8 }))).toEqual([]);
    expect(agent.scan(3000, row({ inode: 9 }))).toMatchObject([{ kind: 'opened', openedAtMs: 2006 }]);
  });

  test('whose end was lost is over when the next one of its tuple is', () => {
    const agent = new Agent();
    agent.scan(1000, row());
    agent.shortLived.missedSome();
    expect(agent.hear(closed(1600, { openedAtMs: 1550 }))).toMatchObject([
      { kind: 'closed', id: 1, closedAtMs: 1550 },
      { kind: 'opened', id: 2, openedAtMs: 1550 },
      { kind: 'counted', id: 2 },
      { kind: 'closed', id: 2, closedAtMs: 1600 },
    ]);
  });

  test('that scans found closed is not told again by an event that comes late', () => {
    const agent = new Agent();
    agent.scan(1000, row());
    agent.scan(2000);
    expect(agent.scan(3000)).toMatchObject([{ kind: 'closed', closedAtMs: 2000 }]);
    expect(agent.hear(closed(9000, { aliveAtMs: 1900 }))).toEqual([]);
    // A later one has no part in that.
    expect(agent.hear(closed(9500, { aliveAtMs: 9400 }))).toHaveLength(3);
  });
});

describe('the watch', () => {
  test('looks at differences alone, also when it knows of rows that are no sockets any more', () => {
    const agent = new Agent();
    const lasting = Array.from({ length: 50 }, (_, i) =>
      row({ inode: 100 + i, local: { ip: '10.1.1.1', port: 1000 + i } }),
    );
    agent.scan(1000, ...lasting, row({ inode: 7 }));
    agent.hear(closed(1500));
    const remains = row({ state: 'time-wait', inode: 0 });
    expect(agent.scan(2000, ...lasting, remains)).toEqual([]);
    expect(agent.scan(3000, ...lasting, remains)).toEqual([]);
    expect(agent.scan(4000, ...lasting)).toEqual([]);
    expect(agent.watch.size).toBe(50);
    expect(agent.scan(5000, ...lasting.slice(1))).toEqual([]);
    expect(agent.scan(6000, ...lasting.slice(1))).toMatchObject([{ kind: 'closed', id: 1 }]);
  });
});

/** Connections on two tuples, one after the other on each: when it opens, for how long, and how long TIME_WAIT shows it. */
const lives = fc.array(
  fc.record({
    tuple: fc.nat(1),
    restMs: fc.integer({ min: 20, max: 3000 }),
    lifeMs: fc.integer({ min: 1, max: 4000 }),
    hasTimeWait: fc.boolean(),
  }),
  { maxLength: 12 },
);

test('whatever lives how long, each is opened and closed once, at its very times', () => {
  fc.assert(
    fc.property(lives, fc.integer({ min: 100, max: 1500 }), (plan, intervalMs) => {
      const agent = new Agent();
      const ends = [5000, 5000];
      const connections = plan.map(({ tuple, restMs, lifeMs, hasTimeWait }, i) => {
        const openedAtMs = ends[tuple]! + restMs;
        const closedAtMs = openedAtMs + lifeMs;
        ends[tuple] = closedAtMs;
        const local = { ip: '10.1.1.1', port: 1000 + tuple };
        return { local, openedAtMs, closedAtMs, hasTimeWait, inode: 10 + i };
      });
      const heard = connections.flatMap(({ local, openedAtMs, closedAtMs }) => [
        opened(openedAtMs, { local, openedAtMs }),
        closed(closedAtMs, { local, openedAtMs }),
      ]);
      heard.sort((a, b) => a.atMs - b.atMs);
      const told: Told[] = [];
      for (let nowMs = 4000; nowMs < Math.max(...ends) + 3 * intervalMs; nowMs += intervalMs) {
        // What is heard until the scan is applied, 10 ms after it began.
        while (heard[0] !== undefined && heard[0].atMs <= nowMs + 10)
          told.push(...agent.hear(heard.shift()!));
        const shown = connections.flatMap(({ local, openedAtMs, closedAtMs, hasTimeWait, inode }) => {
          if (openedAtMs <= nowMs && nowMs <= closedAtMs) return [row({ local, inode })];
          const isRemembered = hasTimeWait && closedAtMs < nowMs && nowMs < closedAtMs + 60_000;
          return isRemembered ? [row({ local, state: 'time-wait', inode: 0 })] : [];
        });
        // One row per tuple: the kernel replaces TIME_WAIT by its successor.
        const last = new Map(shown.map((socket) => [socket.local.port, socket]));
        told.push(...agent.scan(nowMs, ...last.values()));
      }
      const times = (kind: 'opened' | 'closed'): number[] =>
        told
          .flatMap((event) => {
            if (event.kind !== kind) return [];
            return [
              event.kind === 'opened' ? event.openedAtMs : (event as { closedAtMs: number }).closedAtMs,
            ];
          })
          .toSorted((a, b) => a - b);
      const sorted = (numbers: number[]): number[] => numbers.toSorted((a, b) => a - b);
      expect(times('opened')).toEqual(sorted(connections.map(({ openedAtMs }) => openedAtMs)));
      expect(times('closed')).toEqual(sorted(connections.map(({ closedAtMs }) => closedAtMs)));
      expect(agent.watch.size).toBe(0);
    }),
  );
});
