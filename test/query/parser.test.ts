/** What the first form of the filter language reads, what it refuses and where, and that no text breaks it. */
import { describe, expect, test } from 'vitest';
import { FilterError } from '../../query/filter-error.ts';
import { filterDepthMax, parseFilter } from '../../query/parser.ts';
import { type Filter, formatFilter, type Term } from '../../query/syntax.ts';
import { fc } from '../support/random-cases.ts';

const term = (value: Term): Filter => ({ kind: 'term', term: value });
const name = (value: string): Filter => term({ kind: 'name', name: value });

describe('terms', () => {
  test.each<[string, Term]>([
    ['10.1.100.9:8743', { kind: 'endpoint', endpoint: { ip: '10.1.100.9', port: 8743 } }],
    ['[fd00::1]:443', { kind: 'endpoint', endpoint: { ip: 'fd00::1', port: 443 } }],
    ['[::ffff:10.1.17.138]:80', { kind: 'endpoint', endpoint: { ip: '10.1.17.138', port: 80 } }],
    ['10.1.100.9', { kind: 'ip', ip: '10.1.100.9' }],
    ['FD00::0:1', { kind: 'ip', ip: 'fd00::1' }],
    ['10.1.2.3/8', { kind: 'prefix', prefix: { ip: '10.0.0.0', length: 8 } }],
    ['fd00::/8', { kind: 'prefix', prefix: { ip: 'fd00::', length: 8 } }],
    [':5432', { kind: 'port', port: 5432 }],
    ['checkout', { kind: 'name', name: 'checkout' }],
    ['web-7.example.org', { kind: 'name', name: 'web-7.example.org' }],
    ['getty@tty1.service', { kind: 'name', name: 'getty@tty1.service' }],
    ['checkout:443', { kind: 'named-port', name: 'checkout', port: 443 }],
    ['"and"', { kind: 'name', name: 'and' }],
    ['"8743"', { kind: 'name', name: '8743' }],
    ['server.example.org', { kind: 'name', name: 'server.example.org' }],
  ])('%s', (text, expected) => {
    expect(parseFilter(text)).toEqual(term(expected));
  });
});

describe('structure', () => {
  test('the empty filter, and only it, is everything', () => {
    expect(parseFilter('')).toEqual({ kind: 'all' });
    expect(parseFilter(' \t ')).toEqual({ kind: 'all' });
  });

  test('and binds closer than or; juxtaposition is and; keywords are read in any case', () => {
    const expected: Filter = {
      kind: 'or',
      operands: [{ kind: 'and', operands: [name('a'), name('b')] }, name('c')],
    };
    expect(parseFilter('a b or c')).toEqual(expected);
    expect(parseFilter('a AND b Or c')).toEqual(expected);
  });

  test('not binds to the one term after it', () => {
    expect(parseFilter('not a b')).toEqual({
      kind: 'and',
      operands: [{ kind: 'not', operand: name('a') }, name('b')],
    });
  });

  test('parentheses group, and those that change nothing leave no trace', () => {
    expect(parseFilter('a and (b or c)')).toEqual({
      kind: 'and',
      operands: [name('a'), { kind: 'or', operands: [name('b'), name('c')] }],
    });
    expect(parseFilter('((a) and (b and c))')).toEqual(parseFilter('a b c'));
  });
});

describe('refusals name the column and what was expected there', () => {
  const terms = 'ip:port, [v6]:port, ip, cidr, :port, host, service or service:port';

  test.each<[string, number, string]>([
    ['server.port = 5432', 1, `fields are not supported yet: "server.port" at column 1; expected ${terms}`],
    ['a and pid > 1', 7, `fields are not supported yet: "pid" at column 7; expected ${terms}`],
    ['host ~ "web-.*"', 1, `fields are not supported yet: "host" at column 1; expected ${terms}`],
    ['port in (1, 2)', 1, `fields are not supported yet: "port" at column 1; expected ${terms}`],
    ['src 10.0.0.0/8', 1, `fields are not supported yet: "src" at column 1; expected ${terms}`],
    ['web state established', 5, `fields are not supported yet: "state" at column 5; expected ${terms}`],
    ['client.host', 1, `fields are not supported yet: "client.host" at column 1; expected ${terms}`],
    ['a and', 6, `the end at column 6; expected a term: ${terms}`],
    ['or a', 1, `"or" at column 1; expected a term: ${terms}`],
    ['(a', 3, 'the end at column 3; expected "and", "or" or a closing parenthesis'],
    ['a)', 2, '")" at column 2; expected "and", "or" or the end'],
    ['()', 2, `")" at column 2; expected a term: ${terms}`],
    ['a, b', 2, '"," at column 2; expected "and", "or" or the end'],
    ['10.0.0.300', 1, '"10.0.0.300" at column 1; expected an IPv4 address'],
    [
      '10.0.0.1:99999',
      1,
      '"10.0.0.1:99999" at column 1; expected ip:port with an IPv4 address and a port of 0 to 65535',
    ],
    ['x 10.0.0.0/33', 3, '"10.0.0.0/33" at column 3; expected a prefix such as 10.0.0.0/8 or fd00::/8'],
    ['[fd00::1]', 1, '"[fd00::1]" at column 1; expected an endpoint such as [fd00::1]:443'],
    [':70000', 1, '":70000" at column 1; expected a port of 0 to 65535 after the colon'],
    ['web:http', 1, '"web:http" at column 1; expected a port of 0 to 65535 after the colon'],
    ['8743', 1, '"8743" at column 1; expected :8743 for a port, or "8743" for a name'],
  ])('%s', (text, column, message) => {
    expect(refusalOf(text)).toMatchObject({ column, message });
  });

  test('nesting beyond the limit is refused before the stack is in danger', () => {
    const error = refusalOf('('.repeat(4000));
    expect(error).toMatchObject({
      column: filterDepthMax + 1,
      expected: 'at most 64 levels of "(" and "not"',
    });
    expect(parseFilter(`${'('.repeat(filterDepthMax - 1)}a${')'.repeat(filterDepthMax - 1)}`)).toEqual(
      name('a'),
    );
  });
});

describe('properties', () => {
  const word = fc.constantFrom(
    'a',
    'web-7',
    '10.0.0.1',
    '10.0.0.0/8',
    ':80',
    'x:1',
    '[fd00::1]:443',
    '"a b"',
    '"not"',
  );
  const piece = fc.oneof(
    word,
    fc.constantFrom('and', 'or', 'not', '(', ')', '=', '~', 'in', ','),
    fc.string(),
  );

  test('any text is a filter or a FilterError whose column lies in the text or one past it', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const text = pieces.join(' ');
        try {
          parseFilter(text);
        } catch (error) {
          expect(error).toBeInstanceOf(FilterError);
          expect((error as FilterError).column).toBeGreaterThanOrEqual(1);
          expect((error as FilterError).column).toBeLessThanOrEqual(text.length + 1);
        }
      }),
      { numRuns: 2000 },
    );
  });

  const { filter: tree } = fc.letrec<{ filter: string; group: string }>((tie) => ({
    group: fc.tuple(tie('filter'), tie('filter')).map(([a, b]) => `(${a} or ${b})`),
    filter: fc.oneof(
      { maxDepth: 5 },
      word,
      tie('filter').map((inner) => `not (${inner})`),
      fc
        .tuple(tie('filter'), fc.constantFrom(' ', ' and ', ' or '), tie('filter'))
        .map((parts) => parts.join('')),
      tie('group'),
    ),
  }));

  test('a printed tree parses to the same tree', () => {
    fc.assert(
      fc.property(tree, (text) => {
        const parsed = parseFilter(text);
        expect(parseFilter(formatFilter(parsed))).toEqual(parsed);
      }),
      { numRuns: 500 },
    );
  });

  test('any name survives printing', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 50 }), (text) => {
        expect(parseFilter(formatFilter(name(text)))).toEqual(name(text));
      }),
    );
  });
});

function refusalOf(text: string): FilterError {
  try {
    parseFilter(text);
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}
