/** The map document as it is drawn. */
import { describe, expect, it } from 'vitest';
import { drawingOf } from '../../../web/graph/drawing.ts';
import { edge, mapOf } from '../documents.ts';

describe('drawingOf', () => {
  it('merges the ports between two services into one line, seen from both ends if any part is', () => {
    const { edges } = drawingOf(
      mapOf([
        edge('a', 'b', 80, { open: 2, total: 3, seen: { both: 0, client: 3, server: 0 } }),
        edge('a', 'b', 443, { open: 1, total: 1 }),
      ]),
    );
    expect(
      edges.map(({ client, server, open, total, oneEnd }) => ({ client, server, open, total, oneEnd })),
    ).toEqual([{ client: 'a', server: 'b', open: 3, total: 4, oneEnd: false }]);
    expect(edges[0]!.parts.map((part) => part.port)).toEqual([80, 443]);
  });

  it('keeps pairs apart whose names run together, and names that objects already have', () => {
    const { services, edges } = drawingOf(
      mapOf([edge('a","b', 'c', 1), edge('a', 'b","c', 1), edge('__proto__', 'c', 1)]),
    );
    expect(new Set(edges.map((one) => one.id)).size).toBe(3);
    expect([...services.keys()]).toEqual(['__proto__', 'a', 'a","b', 'b","c', 'c']);
  });

  it('draws a self-call too: on a single host there may be nothing else', () => {
    const { edges } = drawingOf(mapOf([edge('a', 'a', 80)]));
    expect(edges.map(({ client, server }) => [client, server])).toEqual([['a', 'a']]);
  });

  it('draws a service that only an edge names, as one that nobody reports', () => {
    const { services } = drawingOf({ services: [], edges: [edge('a', 'b', 5432)] });
    expect(services.get('b')).toEqual({
      name: 'b',
      observed: false,
      hosts: [],
      ports: [5432],
    });
  });
});
