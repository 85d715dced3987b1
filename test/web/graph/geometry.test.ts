/** Where cards stand and how lines run between them. */
import { describe, expect, it } from 'vitest';
import { geometryOf, linePath, metricFor } from '../../../web/graph/geometry.ts';
import { fc } from '../../support/random-cases.ts';

const roomy = metricFor(1, 4000);

describe('metricFor', () => {
  it('fills a phone with three columns, and gives way to the roomy size', () => {
    expect(metricFor(3, 390)).toEqual({
      cardWidth: 104,
      cardHeight: 48,
      columnGap: 28,
      rowGap: 12,
      padding: 10,
    });
    expect(metricFor(3, 1280)).toEqual({
      cardWidth: 184,
      cardHeight: 48,
      columnGap: 112,
      rowGap: 16,
      padding: 32,
    });
  });

  it('fits whatever is at least tight', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 100, max: 4000 }), (columns, width) => {
        const metric = metricFor(columns, width);
        const slots = new Map(
          Array.from({ length: columns }, (_, column) => [`${column}`, { column, row: 0 }]),
        );
        const tightWidth = columns * 104 + (columns - 1) * 28 + 20;
        expect(geometryOf(slots, metric).width).toBeLessThanOrEqual(Math.max(width, tightWidth));
      }),
    );
  });
});

describe('geometryOf', () => {
  it('starts at the padding, whatever the slots count from', () => {
    const slots = new Map([
      ['a', { column: -1, row: -0.5 }],
      ['b', { column: 0, row: 0.5 }],
    ]);
    const { corners, width, height } = geometryOf(slots, roomy);
    expect([...corners]).toEqual([
      ['a', { x: 32, y: 32 }],
      ['b', { x: 328, y: 96 }],
    ]);
    expect([width, height]).toEqual([544, 176]);
  });
});

describe('linePath', () => {
  const at = (x: number, y: number) => ({ x, y });
  it.each([
    ['rightwards', at(0, 0), at(296, 64), 'M184 24C236 24 236 88 288 88'],
    ['back to the left', at(296, 0), at(0, 64), 'M296 34C244 34 244 98 192 98'],
    ['down one column', at(0, 0), at(0, 60), 'M184 24C218 24 218 84 192 84'],
    ['to itself', at(0, 0), at(0, 0), 'M184 36C212 36 212 12 192 12'],
  ])('%s', (_, client, server, path) => {
    expect(linePath(client, server, roomy)).toBe(path);
  });
});
