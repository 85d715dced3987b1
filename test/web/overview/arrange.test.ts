/** What the layout worker is asked, and how it keeps services from lying on one another. */
import { describe, expect, it } from 'vitest';
import { drawingOf } from '../../../web/graph/drawing.ts';
import { forceRequest } from '../../../web/overview/force-request.ts';
import { spreadOut } from '../../../web/overview/spread.ts';
import { fc } from '../../support/random-cases.ts';
import { edge, mapOf } from '../documents.ts';
import { largeFleet } from '../fleets.ts';

describe('forceRequest', () => {
  it('is the same for the same fleet', () => {
    const drawing = drawingOf(largeFleet(100).map);
    expect(forceRequest(drawing, new Map())).toEqual(forceRequest(drawing, new Map()));
  });

  it('keeps what has a place and starts a newcomer beside its neighbour', () => {
    const drawing = drawingOf(mapOf([edge('new', 'old', 80)]));
    const { points, fixed, edges } = forceRequest(drawing, new Map([['old', { x: 500, y: -500 }]]));
    expect([...fixed]).toEqual([0, 1]);
    expect(points.slice(2)).toEqual(new Float32Array([500, -500]));
    expect(Math.hypot(points[0]! - 500, points[1]! + 500)).toBeLessThanOrEqual(20);
    expect([...edges]).toEqual([0, 1]);
  });
});

describe('spreadOut', () => {
  it('parts a pair, also one at the same point, and leaves what is fixed', () => {
    const points = new Float32Array([0, 0, 0, 0, 100, 0]);
    spreadOut(points, new Float32Array([5, 5, 5]), new Uint8Array([1, 0, 0]), 2);
    expect([...points]).toEqual([0, 0, 12, 0, 100, 0]);
  });

  it('never moves a fixed point', () => {
    const coordinate = fc.float({ min: -50, max: 50, noNaN: true });
    fc.assert(
      fc.property(fc.array(coordinate, { minLength: 8, maxLength: 8 }), (coordinates) => {
        const points = new Float32Array(coordinates);
        spreadOut(points, new Float32Array(4).fill(6), new Uint8Array([1, 0, 1, 0]), 1);
        expect([...points.slice(0, 2), ...points.slice(4, 6)]).toEqual([
          ...new Float32Array([...coordinates.slice(0, 2), ...coordinates.slice(4, 6)]),
        ]);
      }),
    );
  });
});
