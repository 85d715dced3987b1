/**
 * Properties of the watch over random histories: the truth is a list of sockets with the scans through which they live;
 * what a scan shows of it may be torn (rows missing, rows doubled) or leave a namespace out.
 */
import { describe, expect, it } from 'vitest';
import type { Scan } from '../../../agent/collector.ts';
import { SocketWatch } from '../../../agent/watch/socket-watch.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import type { SocketEvent } from '../../../model/socket-event.ts';
import { fc } from '../../support/random-cases.ts';
import { hostNetns, row, scan } from '../sockets.ts';

const scanCount = 10;
const namespaces = [hostNetns, hostNetns + 1];

/** A socket that is alive from scan `from` to scan `to`, both included. Its inode is its true identity. */
interface Life {
  readonly inode: number;
  readonly port: number;
  readonly netns: number;
  readonly from: number;
  readonly to: number;
}

/** How one scan sees the truth. */
interface Look {
  /** Namespaces that could not be read. */
  readonly unread: readonly number[];
  /** Inodes of living sockets that the torn table leaves out. */
  readonly torn: ReadonlySet<number>;
  readonly doubles: boolean;
}

const place = fc.record({ port: fc.integer({ min: 1, max: 3 }), netns: fc.constantFrom(...namespaces) });
const span = fc
  .tuple(fc.nat(scanCount - 1), fc.nat(scanCount - 1))
  .map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));

/** Few places, so that tuples are reused; lives at one place do not overlap. */
const lives: fc.Arbitrary<Life[]> = fc.array(fc.tuple(place, span), { maxLength: 12 }).map((drawn) => {
  const all: Life[] = [];
  for (const [at, when] of drawn) {
    const life = { ...at, ...when, inode: 100 + all.length };
    if (!all.some((other) => overlap(other, life))) all.push(life);
  }
  return all;
});

function overlap(a: Life, b: Life): boolean {
  return a.port === b.port && a.netns === b.netns && a.from <= b.to && b.from <= a.to;
}

/** A torn read misses a row now and then, and not the same one twice in a row. */
const looks = (all: readonly Life[]): fc.Arbitrary<Look[]> =>
  fc.array(
    fc.record({
      unread: fc.subarray(namespaces, { maxLength: 1 }),
      torn: fc.subarray(all.map(({ inode }) => inode)).map((inodes) => new Set(inodes)),
      doubles: fc.boolean(),
    }),
    { minLength: scanCount, maxLength: scanCount },
  );

const history = lives.chain((all) => fc.tuple(fc.constant(all), looks(all)));

function startOf(index: number): number {
  return 1000 * (index + 1);
}

function isShown(life: Life, looked: readonly Look[], index: number): boolean {
  const look = looked[index]!;
  if (index < life.from || index > life.to || look.unread.includes(life.netns)) return false;
  return !look.torn.has(life.inode) || wasMissed(life, looked, index);
}

/** Whether the last scan that read the socket's namespace missed it: then this one does not. */
function wasMissed(life: Life, looked: readonly Look[], index: number): boolean {
  for (let earlier = index - 1; earlier >= life.from; earlier--) {
    if (!looked[earlier]!.unread.includes(life.netns)) return !isShown(life, looked, earlier);
  }
  return false;
}

function scanAt(all: readonly Life[], looked: readonly Look[], index: number): Scan {
  const { unread, doubles } = looked[index]!;
  const rows = all
    .filter((life) => isShown(life, looked, index))
    .map(({ inode, port, netns }): OwnedSocket => row({ inode, netns, local: { ip: '10.0.0.1', port } }));
  const shown = doubles ? [...rows, ...rows] : rows;
  return scan(
    startOf(index),
    shown,
    namespaces,
    namespaces.filter((netns) => !unread.includes(netns)),
  );
}

/** All events, and the watch after them. */
function play([all, looked]: [Life[], Look[]]): { watch: SocketWatch; events: SocketEvent[] } {
  const watch = new SocketWatch();
  const events = looked.flatMap((_, index) => watch.apply(scanAt(all, looked, index)));
  return { watch, events };
}

/** Scans in which the socket was shown. */
function sightings(life: Life, looked: readonly Look[]): number[] {
  return looked.map((_, index) => index).filter((index) => isShown(life, looked, index));
}

describe('over any history', () => {
  it('a socket is opened once, when it is first shown, and never closed while it lives', () => {
    fc.assert(
      fc.property(history, ([all, looked]) => {
        const { events } = play([all, looked]);
        for (const life of all) {
          const mine = events.filter(({ socket }) => socket.inode === life.inode);
          const [first] = sightings(life, looked);
          const opened = mine.filter(({ kind }) => kind === 'opened');
          expect(opened.map((event) => event.kind === 'opened' && event.openedAtMs)).toEqual(
            first === undefined ? [] : [startOf(first)],
          );
          for (const event of mine) {
            if (event.kind !== 'closed') continue;
            expect(event.closedAtMs).toBeGreaterThan(startOf(sightings(life, looked).at(-1)!));
          }
        }
      }),
    );
  });

  it('a socket shown in two scans is not reported closed between them', () => {
    fc.assert(
      fc.property(history, ([all, looked]) => {
        const watch = new SocketWatch();
        looked.forEach((_, index) => {
          for (const event of watch.apply(scanAt(all, looked, index))) {
            if (event.kind !== 'closed') continue;
            const life = all.find(({ inode }) => inode === event.socket.inode)!;
            expect(sightings(life, looked).filter((later) => later >= index)).toEqual([]);
          }
        });
      }),
    );
  });

  it('a socket that two scans of its namespace in a row did not show is closed by the second', () => {
    fc.assert(
      fc.property(history, ([all, looked]) => {
        const watch = new SocketWatch();
        looked.forEach((_, index) => {
          watch.apply(scanAt(all, looked, index));
          const open = new Set([...watch.watched()].map(({ socket }) => socket.inode));
          for (const life of all) {
            const read = looked
              .map((look, i) => ({ i, isRead: !look.unread.includes(life.netns) }))
              .filter(({ i, isRead }) => isRead && i <= index)
              .map(({ i }) => i);
            const lastTwo = read.slice(-2);
            if (lastTwo.length === 2 && lastTwo.every((i) => !isShown(life, looked, i))) {
              expect(open.has(life.inode)).toBe(false);
            }
          }
        });
      }),
    );
  });

  it('the events, replayed, give exactly the watched sockets, and ids are never used again', () => {
    fc.assert(
      fc.property(history, (drawn) => {
        const { watch, events } = play(drawn);
        const replayed = new Map<number, OwnedSocket>();
        let lastId = 0;
        for (const event of events) {
          if (event.kind === 'opened') {
            expect(event.id).toBeGreaterThan(lastId);
            lastId = event.id;
          } else expect(replayed.has(event.id)).toBe(true);
          if (event.kind === 'closed') replayed.delete(event.id);
          else replayed.set(event.id, event.socket);
        }
        expect(replayed).toEqual(new Map([...watch.watched()].map(({ id, socket }) => [id, socket])));
      }),
    );
  });
});
