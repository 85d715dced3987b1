/** The walk of deps: levels, cycles, both ways. */
import { expect, test } from 'vitest';
import { reachedEdges } from '../../../aggregator/serve/dependencies.ts';

const edges = ['a>b', 'b>c', 'c>a', 'b>d', 'x>b'].map((text) => {
  const [client, server] = text.split('>') as [string, string];
  return { client, server, text };
});
const walk = (service: string, depth: number, reverse: boolean): string[] =>
  reachedEdges(edges, service, depth, reverse).map((edge) => edge.text);

test('a cycle ends where it began, and every edge comes once', () => {
  expect(walk('a', 0, false)).toEqual(['a>b', 'b>c', 'b>d', 'c>a']);
});

test('depth counts levels', () => {
  expect(walk('a', 1, false)).toEqual(['a>b']);
  expect(walk('a', 2, false)).toEqual(['a>b', 'b>c', 'b>d']);
});

test('reverse walks to those that need it', () => {
  expect(walk('d', 0, true)).toEqual(['b>d', 'a>b', 'x>b', 'c>a', 'b>c']);
  expect(walk('d', 2, true)).toEqual(['b>d', 'a>b', 'x>b']);
});
