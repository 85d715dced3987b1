/** Filters against connections, listeners and ends of which little is known. */
import { describe, expect, test } from 'vitest';
import { type FilterEnd, filterMatches } from '../../query/evaluate.ts';
import { parseFilter } from '../../query/parser.ts';

const client: FilterEnd = {
  ip: '10.1.17.138',
  port: 8653,
  host: 'web1',
  service: 'index_search',
  realm: 'default',
};
const server: FilterEnd = { ip: '10.1.100.9', port: 8743, host: 'idx1', service: 'index', realm: 'default' };
const matches = (text: string): boolean => filterMatches(parseFilter(text), { client, server });

describe('a connection', () => {
  test.each([
    '',
    '10.1.100.9:8743',
    '10.1.17.138:8653',
    '10.1.100.9',
    '10.0.0.0/8',
    ':8743',
    ':8653',
    'web1',
    'idx1',
    'index',
    'index_search',
    'index:8743',
    'idx1:8743',
    'index :8743',
    'nobody or index',
    'not nobody',
    '(web1 or web2) and not :5432',
    '::ffff:10.1.100.9',
  ])('matches %j', (text) => {
    expect(matches(text)).toBe(true);
  });

  test.each([
    '10.1.100.9:8744',
    '10.1.17.138:8743',
    '10.1.100.8',
    '11.0.0.0/8',
    'fd00::/8',
    ':80',
    'web',
    'INDEX',
    'index:8653',
    'web1 and nobody',
    'not index',
    'not (nobody or web1)',
  ])('does not match %j', (text) => {
    expect(matches(text)).toBe(false);
  });
});

describe('what is unknown', () => {
  const unseen: FilterEnd = { ip: null, port: null, host: null, service: null, realm: null };

  test('matches no term', () => {
    for (const text of ['10.0.0.1', '0.0.0.0/0', ':0', 'null', 'x:0']) {
      expect(filterMatches(parseFilter(text), { client: unseen, server: null })).toBe(false);
    }
  });
});

describe('a listener on the unspecified address', () => {
  const listener: FilterEnd = { ...server, ip: '0.0.0.0', alsoAt: ['10.1.100.9', '127.0.0.1'] };
  const listens = (text: string): boolean =>
    filterMatches(parseFilter(text), { client: null, server: listener });

  test('is found at every address of its namespace', () => {
    expect(listens('10.1.100.9:8743')).toBe(true);
    expect(listens('10.1.0.0/16')).toBe(true);
    expect(listens('0.0.0.0:8743')).toBe(true);
    expect(listens('10.1.100.10:8743')).toBe(false);
  });
});
