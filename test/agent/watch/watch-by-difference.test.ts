/** Rows that are the objects of the last scan are passed over; what comes of the others is what would come of all. */
import { describe, expect, it } from 'vitest';
import type { Scan } from '../../../agent/collector.ts';
import { SocketWatch } from '../../../agent/watch/socket-watch.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { type SocketState, stateOf } from '../../../model/socket-state.ts';
import { fc } from '../../support/random-cases.ts';
import { hostNetns, owner, row, scan } from '../sockets.ts';

const namespaces = [hostNetns, hostNetns + 1];

const place = {
  netns: fc.constantFrom(...namespaces),
  local: fc.constantFrom({ ip: '10.0.0.1', port: 1 }, { ip: '10.0.0.1', port: 2 }),
  owners: fc.constantFrom([], [owner(100, 3)], [owner(100, 3), owner(200, 3)]),
};

const tcpStates = Array.from({ length: 11 }, (_, i) => stateOf('tcp', i + 1)!);

const tcpRow = fc
  .record({ ...place, state: fc.constantFrom(...tcpStates), inode: fc.nat(6) })
  // A listener has no peer, so it never shares its tuple with a connection.
  .map((shape) => row(shape.state === 'listen' ? { ...shape, remote: { ip: '0.0.0.0', port: 0 } } : shape));

const udpRow = fc
  .record({
    ...place,
    state: fc.constantFrom<SocketState>('unconnected', 'established'),
    inode: fc.integer({ min: 1, max: 6 }),
  })
  .map((shape) => row({ ...shape, protocol: 'udp' }));

/** Few places and inodes, so that rows are about the same socket, or take over its tuple. */
const pool = fc.array(fc.oneof({ weight: 3, arbitrary: tcpRow }, udpRow), { minLength: 1, maxLength: 14 });

/** What becomes different from one scan to the next: rows of the pool that come or go; or all in another order. */
interface Turn {
  readonly toggled: readonly OwnedSocket[];
  readonly isShuffled: boolean;
  readonly isDoubled: boolean;
  readonly inhabited: readonly number[];
  readonly scanned: readonly number[];
}

const turnsOf = (rows: readonly OwnedSocket[]): fc.Arbitrary<Turn[]> =>
  fc.array(
    fc.record({
      toggled: fc.uniqueArray(fc.constantFrom(...rows), { maxLength: 3 }),
      isShuffled: rarely(),
      isDoubled: rarely(),
      inhabited: fc.subarray(namespaces, { minLength: 1 }),
      scanned: fc.subarray(namespaces, { minLength: 1 }),
    }),
    { maxLength: 15 },
  );

function rarely(): fc.Arbitrary<boolean> {
  return fc.nat(7).map((number) => number === 0);
}

const history = pool.chain((rows) => fc.tuple(fc.constant(rows), turnsOf(rows)));

function scansOf([rows, turns]: [OwnedSocket[], Turn[]]): Scan[] {
  const there = new Set<OwnedSocket>();
  return turns.map(({ toggled, isShuffled, isDoubled, inhabited, scanned }, index) => {
    for (const one of toggled) if (!there.delete(one)) there.add(one);
    const shown = rows.filter((one) => there.has(one));
    const ordered = isShuffled ? shown.toReversed() : shown;
    const torn = isDoubled ? [...ordered, ...ordered.slice(0, 1)] : ordered;
    return scan(1000 * (index + 1), torn, inhabited, scanned);
  });
}

/** The same sights in objects of their own. */
function copied(one: Scan): Scan {
  return { ...one, sockets: one.sockets.map((socket) => ({ ...socket })) };
}

/** So that the scan after it looks at everything. */
function doubled(one: Scan): Scan {
  return { ...one, sockets: [...one.sockets, ...one.sockets.slice(0, 1)] };
}

describe('over any history', () => {
  it.each([
    ['objects of their own', copied, Number.POSITIVE_INFINITY],
    ['everything looked at', doubled, Number.POSITIVE_INFINITY],
    ['objects of their own, and little room', copied, 3],
  ])('the events are those of %s', (_, altered, watchedMax) => {
    fc.assert(
      fc.property(history, (drawn) => {
        const [watch, other] = [new SocketWatch(watchedMax), new SocketWatch(watchedMax)];
        for (const one of scansOf(drawn)) {
          expect(watch.apply(one)).toEqual(other.apply(altered(one)));
          expect([...watch.watched()].map(({ id, socket }) => [id, socket])).toEqual(
            [...other.watched()].map(({ id, socket }) => [id, socket]),
          );
        }
        expect(watch.refusedTotal).toBe(other.refusedTotal);
      }),
      { numRuns: 300 },
    );
  });
});

describe('what did not change', () => {
  /** Rows that count how often anybody asks for their state. */
  function counting(count: number): { rows: OwnedSocket[]; asked: () => number } {
    let asked = 0;
    const rows = Array.from({ length: count }, (_, i) => {
      const plain = row({ inode: i + 1, local: { ip: '10.0.0.1', port: i + 1 } });
      return Object.defineProperty({ ...plain }, 'inode', {
        get: () => {
          asked++;
          return plain.inode;
        },
      });
    });
    return { rows, asked: () => asked };
  }

  it('is not looked at', () => {
    const { rows, asked } = counting(100);
    const watch = new SocketWatch();
    watch.apply(scan(1000, rows));
    const before = asked();
    expect(watch.apply(scan(2000, rows))).toEqual([]);
    const later = row({ inode: 1000, local: { ip: '10.0.0.1', port: 1000 } });
    expect(watch.apply(scan(3000, [...rows.slice(0, 50), later, ...rows.slice(50)]))).toHaveLength(1);
    expect(watch.apply(scan(4000, rows))).toEqual([]);
    expect(watch.apply(scan(5000, rows))).toMatchObject([{ kind: 'closed', closedAtMs: 4000 }]);
    expect(asked()).toBe(before);
  });
});
