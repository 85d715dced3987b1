/** Counting shares, moving them, and the bound of the table. */
import { describe, expect, it } from 'vitest';
import { type EdgeShare, Edges } from '../../../aggregator/graph/edges.ts';
import { SeenAnew } from '../../../aggregator/graph/seen-anew.ts';

const share: EdgeShare = {
  realm: 'default',
  client: 'web',
  server: 'db',
  port: 5432,
  protocol: 'tcp',
  open: true,
  seen: 'client',
  firstSeenAtMs: 100,
  lastSeenAtMs: 200,
  bytesToServer: null,
  bytesToClient: null,
};

describe('edges', () => {
  it('count a connection once, however often it is counted anew', () => {
    const edges = new Edges();
    expect(edges.count(share, null)?.isNew).toBe(true);
    const better = { ...share, seen: 'both', open: false, lastSeenAtMs: 300 } as const;
    expect(edges.count(better, share)?.isNew).toBe(false);
    const expected = {
      ...share,
      open: 0,
      total: 1,
      seen: { both: 1, client: 0, server: 0 },
      lastSeenAtMs: 300,
    };
    expect([...edges.all()]).toMatchObject([expected]);
  });

  it('move a count to another edge, and drop the edge that never had another', () => {
    const edges = new Edges();
    edges.count(share, null);
    expect(edges.count({ ...share, client: 'batch' }, share)?.isNew).toBe(true);
    expect([...edges.all()].map((edge) => [edge.client, edge.open, edge.total])).toEqual([['batch', 1, 1]]);
  });

  it('are seen since another one when the count that was seen first moves', () => {
    const edges = new Edges();
    const later = { ...share, firstSeenAtMs: 150 };
    edges.count(share, null);
    edges.count(later, null);
    edges.count({ ...share, client: 'batch' }, share);
    const [edge] = edges.all();
    expect([...edges.vague]).toEqual([edge]);
    const seen = new SeenAnew(edges);
    seen.note(edge, later.firstSeenAtMs);
    seen.settle();
    expect(edges.vague.size).toBe(0);
    expect(edge).toMatchObject({ client: 'web', total: 1, firstSeenAtMs: 150 });
  });

  it('stay seen as they were where some of what they counted is forgotten', () => {
    const edges = new Edges();
    for (const firstSeenAtMs of [100, 150, 160]) edges.count({ ...share, firstSeenAtMs }, null);
    edges.uncount(share);
    const [edge] = edges.all();
    const seen = new SeenAnew(edges);
    seen.note(edge, 160);
    seen.settle();
    expect(edges.vague.size).toBe(0);
    expect(edge).toMatchObject({ total: 2, firstSeenAtMs: 100 });
  });

  it('add up the bytes of the connections that were counted', () => {
    const edges = new Edges();
    edges.count(share, null);
    const counted = { ...share, bytesToServer: 100, bytesToClient: 0 };
    edges.count(counted, share);
    edges.count({ ...counted, bytesToServer: 150 }, counted);
    const other = { ...share, bytesToServer: 5, bytesToClient: 7 };
    edges.count(other, null);
    expect([...edges.all()]).toMatchObject([{ bytesToServer: 155, bytesToClient: 7 }]);
    edges.uncount(other);
    expect([...edges.all()]).toMatchObject([{ bytesToServer: 150, bytesToClient: 0 }]);
  });

  it('keep the totals of what is gone', () => {
    const edges = new Edges();
    edges.count(share, null);
    edges.settle(share, 900);
    expect([...edges.all()]).toMatchObject([{ open: 0, total: 1, lastSeenAtMs: 900 }]);
  });

  it('tell names apart that are equal when put together', () => {
    const edges = new Edges();
    edges.count({ ...share, client: 'ab', server: 'c' }, null);
    edges.count({ ...share, client: 'a', server: 'bc' }, null);
    expect(edges.size).toBe(2);
  });

  it('keep realms apart', () => {
    const edges = new Edges();
    edges.count(share, null);
    edges.count({ ...share, realm: 'east' }, null);
    expect([...edges.all()].map((edge) => edge.realm)).toEqual(['default', 'east']);
  });

  it('refuse what is beyond the bound, and say how often', () => {
    const edges = new Edges(1);
    edges.count(share, null);
    expect(edges.count({ ...share, client: 'other' }, null)).toBeNull();
    expect([edges.size, edges.refused]).toEqual([1, 1]);
  });
});
