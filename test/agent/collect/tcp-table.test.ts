/** A table that leaves out what it believes, beside a model of what the kernel has and counts. */
import { describe, expect, it } from 'vitest';
import { queuedMax, restMaxMs, TcpTable } from '../../../agent/collect/tcp-table.ts';
import { type Cell, DiagRows } from '../../../agent/netlink/diag-rows.ts';
import { type DiagIdentity, DiagParser, type DiagRow } from '../../../agent/netlink/inet-diag.ts';
import type { DiagQuery, SockDiag } from '../../../agent/netlink/sock-diag.ts';
import { TimeSlice } from '../../../agent/procfs/time-slice.ts';
import type { OwnedSocket } from '../../../model/socket.ts';
import { type SocketState, stateNumber } from '../../../model/socket-state.ts';
import { fc } from '../../support/random-cases.ts';
import { diagMessage } from '../netlink/messages.ts';

const netns = 4026531840;

/** One namespace's TCP: sockets, and the counters as the kernel brings them up to date. */
class FakeTcp {
  readonly rows: DiagRow[] = [];
  readonly totals = { opens: 7, resets: 3, established: 0 };
  readonly cells = new Set<Cell<OwnedSocket>>();
  readonly #countsCloseWait: boolean;
  readonly table: TcpTable;
  asked = 0;
  hasMultipath = false;
  nowMs = 1000;
  #lastCookie = 0n;

  /** @param countsCloseWait as Linux does from 6.10 on */
  constructor(countsCloseWait: boolean) {
    this.#countsCloseWait = countsCloseWait;
    const diag: Pick<SockDiag, 'keep' | 'dumpKept' | 'isThere'> = {
      keep: (make, watcher) => new DiagRows(new DiagParser(netns), make, watcher),
      dumpKept: (query, taker) => Promise.resolve(this.#dump(query, taker)),
      isThere: (identity, inode) => this.#isThere(identity, inode),
    };
    this.table = new TcpTable(diag, {
      shown: (cell) => this.cells.add(cell),
      gone: (cell) => expect(this.cells.delete(cell)).toBe(true),
    });
  }

  /** @param counters whether the kernel tells them */
  async tick(counters = true): Promise<void> {
    this.nowMs += 1000;
    const read = (): FakeTcp['totals'] => ({ ...this.totals });
    const opened = { read, hasMultipath: () => this.hasMultipath, close: () => {} };
    await this.table.dump(this.nowMs, new TimeSlice(), () => (counters ? opened : null));
  }

  /** What the table shows of each socket, in no particular order. */
  shown(): string[] {
    return this.table.parts().flat().map(textOf).toSorted();
  }

  there(): string[] {
    return this.rows.map(textOf).toSorted();
  }

  add(state: SocketState, inode: number): DiagRow {
    const cookie = ++this.#lastCookie;
    const ends = { local: { ip: '10.0.0.1', port: Number(cookie) }, remote: { ip: '10.0.0.2', port: 443 } };
    const row: DiagRow = { protocol: 'tcp', state, ...ends, inode, uid: 0, netns, cookie };
    this.rows.push(row);
    this.#count(1, state);
    return row;
  }

  /** A connection that this host opens, and that is answered. */
  connect(): DiagRow {
    this.totals.opens++;
    return this.add('established', 1000 + this.rows.length);
  }

  /** @param state null = it is gone */
  turn(row: DiagRow, state: SocketState | null, inode: number = row.inode): void {
    this.#count(-1, row.state);
    const at = this.rows.indexOf(row);
    if (state === null) this.rows.splice(at, 1);
    else {
      this.rows[at] = { ...row, state, inode };
      this.#count(1, state);
    }
  }

  #count(change: number, state: SocketState): void {
    const isCounted = state === 'established' || (state === 'close-wait' && this.#countsCloseWait);
    if (isCounted) this.totals.established += change;
  }

  #dump(
    { states }: DiagQuery,
    taker: Parameters<SockDiag['dumpKept']>[1],
  ): { malformed: []; malformedTotal: 0 } {
    for (const row of this.rows) {
      if ((states & (1 << stateNumber(row.state))) === 0) continue;
      const { buffer, byteLength } = Uint8Array.from(diagMessage(row).payload);
      taker.take(Buffer.from(buffer), new Uint32Array(buffer), 0, byteLength, 'tcp');
    }
    return { malformed: [], malformedTotal: 0 };
  }

  #isThere({ sockid }: DiagIdentity, inode: number): boolean {
    this.asked++;
    const cookie = sockid.readBigUInt64LE(40);
    return this.rows.some((row) => row.cookie === cookie && row.inode === inode);
  }
}

function textOf({ state, local, inode }: OwnedSocket | DiagRow): string {
  return `${local.port} ${state} ${inode}`;
}

/** What can happen to a socket of that state, with what the kernel counts besides. */
function happen(tcp: FakeTcp, what: string, row: DiagRow | undefined): void {
  const state = row?.state;
  if (what === 'dial') tcp.totals.opens++;
  if (what === 'dial') tcp.add('syn-sent', 5000);
  if (what === 'listen') tcp.add('listen', 6000);
  if (what === 'be dialed') tcp.totals.opens++;
  if (what === 'be dialed') tcp.add('established', 0);
  if (row === undefined) return;
  if (what === 'answer' && state === 'syn-sent') tcp.turn(row, 'established');
  if (what === 'accept' && row.inode === 0 && (state === 'established' || state === 'close-wait'))
    tcp.turn(row, state, 7000);
  if (what === 'hear goodbye' && state === 'established') tcp.turn(row, 'close-wait');
  if (what === 'close' && state === 'established') tcp.turn(row, 'fin-wait-1', 0);
  if (what === 'close' && state === 'close-wait') tcp.turn(row, 'last-ack', 0);
  if (what === 'close' && state === 'listen') tcp.turn(row, null);
  if (what === 'end' && state === 'fin-wait-1') tcp.turn(row, 'time-wait');
  else if (what === 'end' && (state === 'last-ack' || state === 'time-wait')) tcp.turn(row, null);
  if (what === 'reset' && (state === 'established' || state === 'close-wait')) {
    tcp.totals.resets++;
    tcp.turn(row, null);
  }
}

const happenings = [
  'dial',
  'listen',
  'be dialed',
  'answer',
  'accept',
  'hear goodbye',
  'close',
  'end',
  'reset',
];

describe('a table of TCP sockets', () => {
  it.each([true, false])(
    'shows in every tick what there is, where the kernel counts CLOSE_WAIT: %s',
    async (countsCloseWait) => {
      const happening = fc.record({ what: fc.constantFrom(...happenings), which: fc.nat({ max: 20 }) });
      const ticks = fc.array(fc.array(happening, { maxLength: 4 }), { maxLength: 20 });
      await fc.assert(
        fc.asyncProperty(ticks, async (all) => {
          const tcp = new FakeTcp(countsCloseWait);
          for (const between of all) {
            for (const { what, which } of between) happen(tcp, what, tcp.rows[which % tcp.rows.length]);
            await tcp.tick();
            expect(tcp.shown()).toEqual(tcp.there());
            expect(tcp.cells.size).toBe(tcp.rows.length);
          }
        }),
        { numRuns: 300 },
      );
    },
  );

  async function rested(countsCloseWait = true): Promise<FakeTcp> {
    const tcp = new FakeTcp(countsCloseWait);
    for (let i = 0; i < 5; i++) tcp.connect();
    // The counters are asked for where there is a connection, and compared from then on.
    for (let i = 0; i < 3; i++) await tcp.tick();
    expect(tcp.table.dumpsOfEverything).toBe(2);
    return tcp;
  }

  it('is the same arrays while nothing happens', async () => {
    const tcp = await rested();
    const before = tcp.table.parts();
    await tcp.tick();
    expect(tcp.table.parts().every((part, i) => part === before[i])).toBe(true);
    expect(tcp.table.dumpsOfEverything).toBe(2);
  });

  it.each([
    ['a connection begins', 1, (tcp) => tcp.connect()],
    ['one is reset', 1, (tcp) => happen(tcp, 'reset', tcp.rows[2])],
    ['one is closed and gone', 1, (tcp) => tcp.turn(tcp.rows[2]!, null)],
    ['one is being closed', 0, (tcp) => happen(tcp, 'close', tcp.rows[2])],
    ['a listener comes', 0, (tcp) => tcp.add('listen', 9)],
  ] as [string, number, (tcp: FakeTcp) => void][])(
    'when %s, dumps everything %i times',
    async (_, dumps, act) => {
      const tcp = await rested();
      act(tcp);
      for (let i = 0; i < 3; i++) {
        await tcp.tick();
        expect(tcp.shown()).toEqual(tcp.there());
      }
      expect(tcp.table.dumpsOfEverything).toBe(2 + dumps);
    },
  );

  it.each([true, false])('learns once whether CLOSE_WAIT is counted: %s', async (countsCloseWait) => {
    const tcp = await rested(countsCloseWait);
    for (const row of [tcp.rows[0]!, tcp.rows[1]!, tcp.rows[2]!]) {
      tcp.turn(row, 'close-wait');
      await tcp.tick();
      await tcp.tick();
      expect(tcp.shown()).toEqual(tcp.there());
    }
    expect(tcp.table.dumpsOfEverything).toBe(3);
  });

  it('asks for what waits to be accepted, one by one, and not for too many', async () => {
    const tcp = await rested();
    for (let i = 0; i < queuedMax; i++) happen(tcp, 'be dialed', undefined);
    await tcp.tick();
    await tcp.tick();
    expect(tcp.asked).toBe(queuedMax);
    expect(tcp.table.dumpsOfEverything).toBe(3);
    happen(tcp, 'accept', tcp.rows.at(-1));
    await tcp.tick();
    expect(tcp.shown()).toEqual(tcp.there());
    expect(tcp.table.dumpsOfEverything).toBe(4);
    happen(tcp, 'be dialed', undefined);
    happen(tcp, 'be dialed', undefined);
    for (let i = 0; i < 3; i++) await tcp.tick();
    expect(tcp.table.dumpsOfEverything).toBe(7);
  });

  it('believes nothing for longer than its time, nor after it was stirred', async () => {
    const tcp = await rested();
    // As a user that is given to a socket, which nothing tells of.
    tcp.rows[0] = { ...tcp.rows[0]!, inode: 77 };
    await tcp.tick();
    expect(tcp.shown()).not.toEqual(tcp.there());
    tcp.nowMs += restMaxMs;
    await tcp.tick();
    expect(tcp.shown()).toEqual(tcp.there());
    tcp.rows[0] = { ...tcp.rows[0]!, inode: 78 };
    tcp.table.stir();
    await tcp.tick();
    expect(tcp.shown()).toEqual(tcp.there());
  });

  it('never rests without counters, where they count otherwise, or beside MPTCP', async () => {
    const beside = new FakeTcp(true);
    beside.hasMultipath = true;
    beside.connect();
    for (let i = 0; i < 4; i++) await beside.tick();
    expect(beside.table.dumpsOfEverything).toBe(4);
    beside.hasMultipath = false;
    for (let i = 0; i < 4; i++) await beside.tick();
    expect(beside.table.dumpsOfEverything).toBe(5);
    const without = new FakeTcp(true);
    without.connect();
    for (let i = 0; i < 4; i++) await without.tick(false);
    expect(without.table.dumpsOfEverything).toBe(4);
    const otherwise = new FakeTcp(true);
    otherwise.connect();
    otherwise.totals.established++;
    for (let i = 0; i < 4; i++) await otherwise.tick();
    expect(otherwise.table.dumpsOfEverything).toBe(4);
  });
});
