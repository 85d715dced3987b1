/** Who holds which row, brought up to date step by step, beside what follows from the whole. */
import { describe, expect, it } from 'vitest';
import { noSlot } from '../../../agent/netlink/diag-rows.ts';
import type { SocketFds } from '../../../agent/procfs/pid-fd.ts';
import type { Holder, RowCell } from '../../../agent/resolve/holding.ts';
import { Holdings, unsettledOwners } from '../../../agent/resolve/holdings.ts';
import type { Process } from '../../../model/process.ts';
import { fc } from '../../support/random-cases.ts';
import { process, row } from '../sockets.ts';

interface TestHolder extends Holder {
  comm: string;
}

const nothing: SocketFds = { fds: [], inodes: [] };

function holder(pid: number): TestHolder {
  return { pid, held: nothing, comm: 'first' };
}

/** The same object while nothing about a process changes, as the process table has it. */
const processes = new Map<string, Process>();

function resolve({ pid, comm }: TestHolder): Process {
  const known = processes.get(`${pid} ${comm}`) ?? process({ pid, comm });
  processes.set(`${pid} ${comm}`, known);
  return known;
}

function cellOf(inode: number): RowCell {
  return { value: row({ inode }), slot: noSlot };
}

/** `pid:fd+fd ...` */
function ownersIn({ value }: RowCell): string {
  return value.owners.map(({ process: { pid }, fds }) => `${pid}:${fds.join('+')}`).join(' ');
}

describe('holdings', () => {
  it('a row has every holder, by pid, with every fd', () => {
    const holdings = new Holdings<TestHolder>();
    const cell = cellOf(7);
    holdings.show(cell);
    holdings.update(holder(30), { fds: [3, 4, 12], inodes: [7, 0, 7] });
    holdings.update(holder(4), { fds: [9], inodes: [7] });
    holdings.settle(resolve);
    expect(ownersIn(cell)).toBe('4:9 30:3+12');
  });

  it('a row that comes after its holder has it too', () => {
    const holdings = new Holdings<TestHolder>();
    holdings.update(holder(4), { fds: [9], inodes: [7] });
    holdings.settle(resolve);
    const cell = cellOf(7);
    holdings.show(cell);
    holdings.settle(resolve);
    expect(ownersIn(cell)).toBe('4:9');
  });

  it('an untouched row stays the same object, a touched one becomes another', () => {
    const holdings = new Holdings<TestHolder>();
    const one = holder(1);
    const [touched, other] = [cellOf(7), cellOf(8)];
    holdings.show(touched);
    holdings.show(other);
    holdings.update(one, { fds: [3, 4], inodes: [7, 8] });
    holdings.settle(resolve);
    const before = [touched.value, other.value];
    holdings.update(one, { fds: [4, 5], inodes: [8, 7] });
    holdings.settle(resolve);
    expect(touched.value).not.toBe(before[0]);
    expect(ownersIn(touched)).toBe('1:5');
    expect(other.value).toBe(before[1]);
  });

  it('a row that nobody has seen yet is filled in, and never changed after that', () => {
    const holdings = new Holdings<TestHolder>();
    const [held, unheld] = [7, 8].map(
      (inode): RowCell => ({ value: row({ inode, owners: unsettledOwners }), slot: noSlot }),
    );
    const before = [held!.value, unheld!.value];
    holdings.show(held!);
    holdings.show(unheld!);
    const one = holder(1);
    holdings.update(one, { fds: [3], inodes: [7] });
    holdings.settle(resolve);
    expect([held!.value, unheld!.value].every((value, i) => value === before[i])).toBe(true);
    expect([ownersIn(held!), ownersIn(unheld!)]).toEqual(['1:3', '']);
    holdings.update(one, { fds: [3], inodes: [8] });
    holdings.settle(resolve);
    expect(before.map((value) => ownersIn({ value, slot: noSlot }))).toEqual(['1:3', '']);
    expect([ownersIn(held!), ownersIn(unheld!)]).toEqual(['', '1:3']);
  });

  it('a holder that changed shows in all of its rows', () => {
    const holdings = new Holdings<TestHolder>();
    const one = holder(1);
    const cell = cellOf(7);
    holdings.show(cell);
    holdings.update(one, { fds: [3], inodes: [7] });
    holdings.settle(resolve);
    one.comm = 'second';
    holdings.renew(one);
    holdings.settle(resolve);
    expect(cell.value.owners[0]!.process.comm).toBe('second');
  });

  it('of sockets that got another holder those that are shown are told, until they are settled', () => {
    const holdings = new Holdings<TestHolder>();
    holdings.show(cellOf(7));
    holdings.update(holder(1), { fds: [3, 4], inodes: [7, 8] });
    expect(holdings.shared.size).toBe(0);
    holdings.update(holder(2), { fds: [3, 4], inodes: [7, 8] });
    expect([...holdings.shared].map(({ inode }) => inode)).toEqual([7]);
    holdings.settle(resolve);
    expect(holdings.shared.size).toBe(0);
  });

  it('a holder that went away owns nothing', () => {
    const holdings = new Holdings<TestHolder>();
    const cell = cellOf(7);
    holdings.show(cell);
    holdings.update(holder(1), { fds: [3], inodes: [7] });
    holdings.settle(() => null);
    expect(ownersIn(cell)).toBe('');
  });

  it('at every moment owners, wanted and lost are what follows from rows and fds', () => {
    const inode = fc.integer({ min: 0, max: 4 });
    const step = fc.oneof(
      fc.record({ kind: fc.constant('show' as const), inode }),
      fc.record({ kind: fc.constant('hide' as const), at: fc.nat(5) }),
      fc.record({
        kind: fc.constant('update' as const),
        who: fc.integer({ min: 0, max: 2 }),
        inodes: fc.array(inode, { maxLength: 5 }),
      }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const holdings = new Holdings<TestHolder>();
        const holders = [1, 2, 3].map(holder);
        const cells: RowCell[] = [];
        for (const one of steps) {
          if (one.kind === 'show') cells.push(cellOf(one.inode));
          if (one.kind === 'show') holdings.show(cells.at(-1)!);
          if (one.kind === 'hide' && cells.length > 0)
            holdings.hide(cells.splice(one.at % cells.length, 1)[0]!);
          if (one.kind === 'update') {
            holdings.update(holders[one.who]!, { fds: one.inodes.map((_, i) => i + 3), inodes: one.inodes });
          }
          expectConsistent(holdings, holders, cells);
        }
      }),
      { numRuns: 300 },
    );
  });
});

function expectConsistent(
  holdings: Holdings<TestHolder>,
  holders: readonly TestHolder[],
  cells: readonly RowCell[],
): void {
  const shown = new Set(cells.map(({ value }) => value.inode).filter((inode) => inode !== 0));
  const held = new Set(holders.flatMap(({ held: { inodes } }) => inodes).filter((inode) => inode !== 0));
  expect(new Set(holdings.wanted().map(({ inode }) => inode))).toEqual(
    new Set([...shown].filter((inode) => !held.has(inode))),
  );
  expect(new Set(holdings.wanted()).size).toBe(holdings.wanted().length);
  for (const { inode } of holdings.lost) expect([shown.has(inode), held.has(inode)]).toEqual([false, true]);
  expect(holdings.size).toBe(new Set([...shown, ...held]).size);
  holdings.settle(resolve);
  expect(holdings.lost.size).toBe(0);
  for (const cell of cells) {
    const expected = holders
      .map(({ pid, held: { inodes, fds } }) => ({
        pid,
        fds: fds.filter((_, i) => inodes[i] === cell.value.inode),
      }))
      .filter(({ fds }) => fds.length > 0 && cell.value.inode !== 0)
      .map(({ pid, fds }) => `${pid}:${fds.join('+')}`);
    expect(ownersIn(cell)).toBe(expected.join(' '));
  }
}
