/**
 * Whatever happens to sockets while messages and snapshots are told, the other end knows in the end what the table has: it
 * hears each opening once per stream, each close after it, and of a snapshot neither more nor less than there is.
 */
import { expect, it } from 'vitest';
import { GapLedger } from '../../../agent/export/gap-ledger.ts';
import type { SlotRecord } from '../../../agent/export/slot-record.ts';
import { SlotTable } from '../../../agent/export/slot-table.ts';
import { fc } from '../../support/random-cases.ts';
import { changed, closed, opened } from './sockets.ts';

/** What the other end knows, of one stream. */
class Listener {
  readonly open = new Set<number>();
  /** All that it ever heard the close of. */
  readonly closed = new Set<number>();
  seq = 0;

  /** Takes one message of at most `rows` rows. */
  hear(slots: SlotTable, rows: number): void {
    this.seq++;
    let left = rows;
    for (const record of slots.pending()) {
      if (left-- === 0) break;
      this.#take(record, slots.isTold(record));
      slots.markTold(record, this.seq);
    }
  }

  #take({ id, closedAtMs }: SlotRecord, isTold: boolean): void {
    expect(this.open.has(id)).toBe(isTold);
    this.open.add(id);
    if (closedAtMs === null) return;
    this.open.delete(id);
    this.closed.add(id);
  }
}

const kinds = ['open', 'open', 'open', 'change', 'close', 'tell', 'acknowledge', 'snapshot'] as const;
const steps = fc.array(fc.record({ kind: fc.constantFrom(...kinds), number: fc.nat(20) }), {
  maxLength: 120,
});

it('the other end knows what the table has', () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const slots = new SlotTable(new GapLedger(), { slotsMax: 1000, closedUnackedMax: 1000 });
      const listener = new Listener();
      const live: number[] = [];
      const all = new Set<number>();
      for (const step of taken) {
        if (step.kind === 'open') {
          live.push(all.size + 1);
          slots.apply(opened(all.size + 1));
          all.add(all.size + 1);
        } else if (step.kind === 'snapshot') {
          slots.startSnapshot();
          expect(slots.snapshotLeft).toBe(slots.liveCount + slots.closedCount);
          listener.open.clear();
        } else if (step.kind === 'tell') listener.hear(slots, step.number);
        else if (step.kind === 'acknowledge') slots.acknowledge(listener.seq - step.number);
        else if (live.length > 0) {
          const at = step.number % live.length;
          if (step.kind === 'change') slots.apply(changed(live[at]!, { state: 'close-wait' }));
          else slots.apply(closed(live.splice(at, 1)[0]!));
        }
        expect(slots.liveCount).toBe(live.length);
        expect(slots.snapshotLeft).toBeLessThanOrEqual(slots.pendingCount);
      }
      listener.hear(slots, Number.POSITIVE_INFINITY);
      expect([slots.pendingCount, slots.snapshotLeft]).toEqual([0, 0]);
      expect([...listener.open].toSorted((a, b) => a - b)).toEqual(live.toSorted((a, b) => a - b));
      expect(listener.closed.size).toBe(all.size - live.length);
      slots.acknowledge(listener.seq);
      expect(slots.closedCount).toBe(0);
    }),
    { numRuns: 300 },
  );
});
