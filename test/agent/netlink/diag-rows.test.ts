/** Rows kept from dump to dump, beside a plain list of what the dumps showed. */
import { describe, expect, it } from 'vitest';
import { type Cell, DiagRows } from '../../../agent/netlink/diag-rows.ts';
import { DiagParser, type DiagRow } from '../../../agent/netlink/inet-diag.ts';
import type { SocketState } from '../../../model/socket-state.ts';
import { fc } from '../../support/random-cases.ts';
import { diagMessage } from './messages.ts';

const netns = 4026531840;

function rowOf(cookie: bigint, shape: Partial<DiagRow> = {}): DiagRow {
  return {
    protocol: 'tcp',
    state: 'established',
    local: { ip: '10.0.0.1', port: Number(cookie & 0xffffn) },
    remote: { ip: '10.0.0.2', port: 443 },
    inode: 1000 + Number(cookie & 0xffffn),
    uid: 0,
    netns,
    cookie,
    ...shape,
  };
}

/** Everything that a test can see of a keeper: its rows, and the cells that it told of. */
class Watched {
  readonly cells = new Set<Cell<DiagRow>>();
  made = 0;
  readonly rows = new DiagRows<DiagRow>(
    new DiagParser(netns),
    (parser, bytes, at, protocol) => {
      this.made++;
      return parser.parse(bytes, at, protocol);
    },
    {
      shown: (cell) => {
        expect(this.cells.has(cell)).toBe(false);
        this.cells.add(cell);
      },
      gone: (cell) => expect(this.cells.delete(cell)).toBe(true),
    },
  );

  round(shown: readonly DiagRow[]): readonly DiagRow[] {
    this.rows.begin();
    for (const row of shown) this.take(row);
    this.rows.end();
    return this.rows.values();
  }

  take(row: DiagRow): void {
    const { buffer, byteLength } = Uint8Array.from(diagMessage(row).payload);
    this.rows.take(Buffer.from(buffer), new Uint32Array(buffer), 0, byteLength, row.protocol);
  }
}

describe('rows', () => {
  it('stay the same objects while they are as they were, in whatever order', () => {
    const watched = new Watched();
    const rows = [1n, 2n, 3n, 4n].map((cookie) => rowOf(cookie));
    const first = watched.round(rows);
    expect(first).toEqual(rows);
    const second = watched.round(rows.toReversed());
    expect(second.toReversed().every((row, i) => row === first[i])).toBe(true);
    expect(watched.made).toBe(4);
  });

  it.each([
    ['state', { state: 'close-wait' as const }],
    ['local port', { local: { ip: '10.0.0.1', port: 9 } }],
    ['remote address', { remote: { ip: '10.0.0.9', port: 443 } }],
    ['inode', { inode: 0 }],
    ['user', { uid: 33 }],
    ['cookie above its low word', { cookie: (1n << 32n) + 1n }],
  ])('are new ones when they differ in %s', (_, change) => {
    const watched = new Watched();
    watched.round([rowOf(1n), rowOf(2n)]);
    const changed = rowOf(1n, change);
    expect(watched.round([changed, rowOf(2n)])).toEqual([changed, rowOf(2n)]);
    expect(new Set([...watched.cells].map(({ value }) => value.cookie))).toEqual(
      new Set([changed.cookie, 2n]),
    );
    expect(watched.made).toBe(3);
  });

  it('that a torn table shows twice are there twice, and kept once', () => {
    const watched = new Watched();
    const [a, , again] = watched.round([rowOf(1n), rowOf(2n), rowOf(1n)]);
    expect(again).toBe(a);
    expect(watched.cells.size).toBe(2);
  });

  it('are what somebody put into their cells, until they change', () => {
    const watched = new Watched();
    watched.round([rowOf(1n)]);
    const [cell] = [...watched.cells];
    const other = rowOf(7n);
    cell!.value = other;
    expect(watched.round([rowOf(1n)])).toEqual([other]);
    expect(watched.round([rowOf(1n, { uid: 5 })])).toEqual([rowOf(1n, { uid: 5 })]);
  });

  it('are taken back when their dump is repeated', () => {
    const watched = new Watched();
    watched.rows.begin();
    watched.take(rowOf(1n));
    const takeBack = watched.rows.mark();
    watched.take(rowOf(2n));
    takeBack();
    watched.take(rowOf(3n));
    watched.rows.end();
    expect(watched.rows.values().map(({ cookie }) => cookie)).toEqual([1n, 3n]);
  });

  it('are all gone after clear', () => {
    const watched = new Watched();
    watched.round([rowOf(1n), rowOf(2n)]);
    watched.rows.clear();
    expect(watched.cells.size).toBe(0);
    expect(watched.rows.values()).toEqual([]);
    expect(watched.round([rowOf(2n)])).toEqual([rowOf(2n)]);
  });

  it('tell exactly what each round showed', () => {
    const states = fc.constantFrom<SocketState>('established', 'fin-wait-2', 'time-wait');
    // Few cookies, some that are equal in their low words or as doubles, so that rows change, vanish, come back and get into each other's way.
    const cookies = fc.constantFrom(1n, 2n, 3n, 4n, (1n << 32n) + 1n, (1n << 64n) - 1n, (1n << 64n) - 2n);
    const rows = fc.uniqueArray(
      fc.tuple(cookies, states).map(([cookie, state]) => rowOf(cookie, { state })),
      { selector: ({ cookie }) => cookie },
    );
    fc.assert(
      fc.property(fc.array(rows, { maxLength: 8 }), (rounds) => {
        const watched = new Watched();
        for (const shown of rounds) expect(watched.round(shown)).toEqual(shown);
      }),
    );
  });

  it('grow beyond their first room', () => {
    const watched = new Watched();
    const many = Array.from({ length: 2000 }, (_, i) => rowOf(BigInt(i + 1)));
    watched.round(many);
    expect(watched.round(many)).toEqual(many);
    expect(watched.made).toBe(2000);
  });
});
