/** The column layout: callers left, deterministic, and still when the fleet grows. */
import { describe, expect, it } from 'vitest';
import { fitsColumns, placeInColumns, type Slots } from '../../../web/graph/columns.ts';
import { type Drawing, drawingOf } from '../../../web/graph/drawing.ts';
import { fc } from '../../support/random-cases.ts';
import { edge, mapOf } from '../documents.ts';
import { foundingFleet } from '../fleets.ts';

const nowhere: Slots = new Map();
const column = (slots: Slots, name: string): number => slots.get(name)!.column;

const drawings: fc.Arbitrary<Drawing> = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 0, max: 15 })), { maxLength: 40 })
  .map((pairs) => drawingOf(mapOf(pairs.map(([a, b]) => edge(`s${a}`, `s${b}`, 80)))));

function expectApart(slots: Slots): void {
  const all = [...slots.values()];
  for (const [i, a] of all.entries()) {
    for (const b of all.slice(i + 1)) {
      expect(a.column !== b.column || Math.abs(a.row - b.row) >= 1).toBe(true);
    }
  }
}

describe('fitsColumns', () => {
  it('takes longer lists around a single service than of a whole fleet', () => {
    const callers = (count: number) =>
      drawingOf(mapOf(Array.from({ length: count }, (_, i) => edge(`caller${i}`, 'index', 8743))));
    expect([fitsColumns(callers(23), false), fitsColumns(callers(24), false)]).toEqual([true, false]);
    expect([fitsColumns(callers(59), true), fitsColumns(callers(60), true)]).toEqual([true, false]);
  });
});

describe('placeInColumns', () => {
  it('stands the founding example in three columns', () => {
    const slots = placeInColumns(drawingOf(foundingFleet().map), nowhere);
    const columns = Object.fromEntries([...slots].map(([name, slot]) => [name, slot.column]));
    expect(columns).toEqual({
      '10.9.4.20': 0,
      'batch-reports': 0,
      checkout: 0,
      index_search: 0,
      index: 1,
      metrics: 2,
      store: 2,
    });
  });

  it('stands a caller right before what it calls, however deep that is', () => {
    const slots = placeInColumns(
      drawingOf(mapOf([edge('a', 'b', 1), edge('b', 'c', 1), edge('late', 'c', 1)])),
      nowhere,
    );
    expect(column(slots, 'late')).toBe(1);
  });

  it('places cycles and lone services too', () => {
    const slots = placeInColumns(
      drawingOf(mapOf([edge('a', 'b', 1), edge('b', 'a', 1), edge('x', 'x', 1)])),
      nowhere,
    );
    expect([...slots.keys()].sort()).toEqual(['a', 'b', 'x']);
    expect(column(slots, 'a')).not.toBe(column(slots, 'b'));
  });

  it('gives every service a place of its own, the same whatever the order of the document', () => {
    fc.assert(
      fc.property(drawings, (drawing) => {
        const slots = placeInColumns(drawing, nowhere);
        expect([...slots.keys()].sort()).toEqual([...drawing.services.keys()]);
        expectApart(slots);
        const turned = {
          services: new Map([...drawing.services].reverse()),
          edges: drawing.edges.toReversed(),
        };
        // Maps are compared without regard to order.
        expect(placeInColumns(turned, nowhere)).toEqual(slots);
      }),
    );
  });

  it('moves nothing that stands when the fleet changes', () => {
    fc.assert(
      fc.property(drawings, drawings, (before, after) => {
        const old = placeInColumns(before, nowhere);
        const next = placeInColumns(after, old);
        expect([...next.keys()].sort()).toEqual([...after.services.keys()]);
        if ([...after.services.keys()].some((name) => old.has(name))) {
          for (const [name, slot] of next) if (old.has(name)) expect(slot).toEqual(old.get(name));
        }
        expectApart(next);
      }),
    );
  });
});
