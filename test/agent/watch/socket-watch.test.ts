/** Scans to events, case by case. */
import { describe, expect, it } from 'vitest';
import type { Scan } from '../../../agent/collector.ts';
import { SocketWatch } from '../../../agent/watch/socket-watch.ts';
import type { SocketEvent } from '../../../model/socket-event.ts';
import { hostNetns, owner, process, row, scan } from '../sockets.ts';

/** One line per event: what, which socket, state, owners, times. */
function inWords(event: SocketEvent): string {
  const { state, owners, inode } = event.socket;
  const holders = owners.map(({ process: { pid }, fds }) => `${pid}:${fds.join('+')}`).join(',') || '-';
  const head = `${event.kind} ${event.id} ${state} ${inode} ${holders}`;
  if (event.kind === 'opened') return `${head} at ${event.openedAtMs} after ${event.notBeforeMs}`;
  return event.kind === 'closed' ? `${head} at ${event.closedAtMs}` : `${head} at ${event.atMs}`;
}

/** Events of every scan, one list per scan. */
function story(...scans: readonly Scan[]): string[][] {
  const watch = new SocketWatch();
  return scans.map((one) => watch.apply(one).map(inWords));
}

const other = hostNetns + 1;

describe('opening', () => {
  it('the first scan has looked at nothing before', () => {
    expect(story(scan(1000, [row({ owners: [owner(100, 3)] })]))).toEqual([
      ['opened 1 established 7 100:3 at 1000 after 0'],
    ]);
  });

  it('a later one tells which scan did not show it yet', () => {
    expect(story(scan(1000, []), scan(2000, [row()]))).toEqual([
      [],
      ['opened 1 established 7 - at 2000 after 1000'],
    ]);
  });

  it('a namespace that was not read before is like a first scan', () => {
    const inOther = row({ netns: other });
    expect(story(scan(1000, []), scan(2000, [inOther], [hostNetns, other]))[1]).toEqual([
      'opened 1 established 7 - at 2000 after 0',
    ]);
    const unread = scan(2000, [], [hostNetns, other], [hostNetns]);
    expect(
      story(scan(1000, [], [hostNetns, other]), unread, scan(3000, [inOther], [hostNetns, other]))[2],
    ).toEqual(['opened 1 established 7 - at 3000 after 1000']);
  });

  it('equal tuples in two namespaces are two sockets', () => {
    const sockets = [row({ inode: 7 }), row({ inode: 8, netns: other })];
    expect(story(scan(1000, sockets, [hostNetns, other]))[0]).toHaveLength(2);
  });

  it('listeners and UDP sockets with equal tuples are told apart by inode', () => {
    const listen = row({ state: 'listen', remote: { ip: '0.0.0.0', port: 0 } });
    const udp = row({ protocol: 'udp' });
    const sockets = [listen, { ...listen, inode: 8 }, udp, { ...udp, inode: 9 }];
    const [first, second] = story(scan(1000, sockets), scan(2000, sockets));
    expect(first).toHaveLength(4);
    expect(second).toEqual([]);
  });
});

describe('changing', () => {
  it('nothing is told of nothing', () => {
    const sockets = (): ReturnType<typeof row>[] => [row({ owners: [owner(100, 3)] })];
    expect(story(scan(1000, sockets()), scan(2000, sockets()))[1]).toEqual([]);
  });

  it('a connection is accepted', () => {
    expect(
      story(
        scan(1000, [row({ state: 'syn-recv', inode: 0 })]),
        scan(2000, [row({ inode: 0 })]),
        scan(3000, [row({ inode: 9, owners: [owner(100, 5)] })]),
      ),
    ).toEqual([
      ['opened 1 syn-recv 0 - at 1000 after 0'],
      ['changed 1 established 0 - at 2000'],
      ['changed 1 established 9 100:5 at 3000'],
    ]);
  });

  it('a socket keeps its owners and user through TIME_WAIT', () => {
    const watch = new SocketWatch();
    watch.apply(scan(1000, [row({ owners: [owner(100, 3)], uid: 33 })]));
    const timeWait = row({ state: 'time-wait', inode: 0, uid: 0 });
    const events = watch.apply(scan(2000, [timeWait]));
    expect(events.map(inWords)).toEqual(['changed 1 time-wait 0 100:3 at 2000']);
    expect(events[0]!.socket.uid).toBe(33);
    expect(watch.apply(scan(3000, [timeWait]))).toEqual([]);
  });

  it('an fd on its way between two processes, then with the other', () => {
    expect(
      story(
        scan(1000, [row({ owners: [owner(100, 3)] })]),
        scan(2000, [row()]),
        scan(3000, [row({ owners: [owner(200, 9)] })]),
      ).slice(1),
    ).toEqual([[], ['changed 1 established 7 200:9 at 3000']]);
  });

  it('a further fd, a further owner, another program in the same process', () => {
    const exec = { process: process({ pid: 100, comm: 'sh' }), fds: [3, 4] };
    expect(
      story(
        scan(1000, [row({ owners: [owner(100, 3)] })]),
        scan(2000, [row({ owners: [owner(100, 3, 4)] })]),
        scan(3000, [row({ owners: [owner(100, 3, 4), owner(101, 3)] })]),
        scan(4000, [row({ owners: [exec] })]),
      ).slice(1),
    ).toEqual([
      ['changed 1 established 7 100:3+4 at 2000'],
      ['changed 1 established 7 100:3+4,101:3 at 3000'],
      ['changed 1 established 7 100:3+4 at 4000'],
    ]);
  });
});

describe('closing', () => {
  it('takes two scans, and counts from the first', () => {
    const empty = [2000, 3000, 4000].map((at) => scan(at, []));
    expect(story(scan(1000, [row()]), ...empty).slice(1)).toEqual([
      [],
      ['closed 1 established 7 - at 2000'],
      [],
    ]);
  });

  it('a single miss is a torn table', () => {
    expect(story(scan(1000, [row()]), scan(2000, []), scan(3000, [row()]), scan(4000, []))).toEqual([
      ['opened 1 established 7 - at 1000 after 0'],
      [],
      [],
      [],
    ]);
  });

  it('a namespace that could not be read says nothing', () => {
    const namespaces = [hostNetns, other];
    const unread = (at: number): Scan => scan(at, [], namespaces, [hostNetns]);
    const empty = (at: number): Scan => scan(at, [], namespaces);
    expect(
      story(
        scan(1000, [row({ netns: other })], namespaces),
        unread(2000),
        unread(3000),
        empty(4000),
        unread(5000),
        empty(6000),
      ),
    ).toEqual([
      ['opened 1 established 7 - at 1000 after 0'],
      [],
      [],
      [],
      [],
      ['closed 1 established 7 - at 4000'],
    ]);
  });

  it('a namespace whose processes are all gone closes its sockets, after two scans as well', () => {
    const gone = [2000, 3000].map((at) => scan(at, [], [hostNetns]));
    expect(story(scan(1000, [row({ netns: other })], [hostNetns, other]), ...gone).slice(1)).toEqual([
      [],
      ['closed 1 established 7 - at 2000'],
    ]);
  });

  it('a reuse is a close and an open', () => {
    expect(story(scan(1000, [row()]), scan(2000, [row({ inode: 8 })]))[1]).toEqual([
      'closed 1 established 7 - at 2000',
      'opened 2 established 8 - at 2000 after 1000',
    ]);
  });

  it('a reuse after a miss closes when it was missed', () => {
    expect(story(scan(1000, [row()]), scan(2000, []), scan(3000, [row({ inode: 8 })]))[2]).toEqual([
      'closed 1 established 7 - at 2000',
      'opened 2 established 8 - at 3000 after 2000',
    ]);
  });
});

describe('a torn table', () => {
  it('a row shown twice is one socket', () => {
    expect(story(scan(1000, [row(), row()]))[0]).toHaveLength(1);
  });

  it.each([
    ['before', [row({ owners: [owner(100, 3)] }), row({ state: 'time-wait', inode: 0 })]],
    ['after', [row({ state: 'time-wait', inode: 0 }), row({ owners: [owner(100, 3)] })]],
  ])('a row shown before and after its close is open: the open one %s', (_, rows) => {
    expect(story(scan(1000, rows))[0]).toEqual(['opened 1 established 7 100:3 at 1000 after 0']);
  });

  it('two sockets that had the tuple during one scan: the known one stays until it is gone', () => {
    const [, torn, after] = story(
      scan(1000, [row()]),
      scan(2000, [row({ inode: 8 }), row()]),
      scan(3000, [row({ inode: 8 })]),
    );
    expect(torn).toEqual([]);
    expect(after).toEqual([
      'closed 1 established 7 - at 3000',
      'opened 2 established 8 - at 3000 after 2000',
    ]);
  });
});

describe('the bound', () => {
  it('refuses further sockets, counts them, and takes them when there is room', () => {
    const watch = new SocketWatch(1);
    const second = row({ local: { ip: '10.1.17.138', port: 9 }, inode: 9 });
    expect(watch.apply(scan(1000, [row(), second])).map(inWords)).toEqual([
      'opened 1 established 7 - at 1000 after 0',
    ]);
    expect(watch.refusedTotal).toBe(1);
    watch.apply(scan(2000, [second]));
    expect(watch.apply(scan(3000, [second])).map(inWords)).toEqual([
      'closed 1 established 7 - at 2000',
      'opened 2 established 9 - at 3000 after 2000',
    ]);
    expect(watch.size).toBe(1);
  });
});

describe('a scan in steps', () => {
  it('can be interrupted at each row', () => {
    const rows = Array.from({ length: 50 }, (_, i) =>
      row({ inode: i + 1, local: { ip: '10.0.0.1', port: i + 1 } }),
    );
    const watch = new SocketWatch();
    watch.apply(scan(1000, rows));
    for (const sockets of [rows.map((one) => ({ ...one, uid: 7 })), []]) {
      const steps = [...watch.applying(scan(2000, sockets))];
      expect(steps.length).toBeGreaterThanOrEqual(rows.length);
    }
  });
});
