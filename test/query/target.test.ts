/** Targets of `to` and `from`: one term, nothing less and nothing more. */
import { describe, expect, test } from 'vitest';
import { FilterError } from '../../query/filter-error.ts';
import { parseTarget } from '../../query/target.ts';

describe('parseTarget', () => {
  test('reads one term, with white space around it', () => {
    expect(parseTarget(' 10.1.100.9:8743 ')).toEqual({
      kind: 'endpoint',
      endpoint: { ip: '10.1.100.9', port: 8743 },
    });
    expect(parseTarget('checkout:443')).toEqual({ kind: 'named-port', name: 'checkout', port: 443 });
    expect(parseTarget('"my service"')).toEqual({ kind: 'name', name: 'my service' });
  });

  test('a keyword is a name here: there is nothing to join', () => {
    expect(parseTarget('state')).toEqual({ kind: 'name', name: 'state' });
  });

  test.each([
    [
      '',
      1,
      'the end at column 1; expected ip:port, [v6]:port, ip, cidr, :port, host, service or service:port',
    ],
    ['a and b', 3, '"and" at column 3; expected one target only (quote a name with spaces)'],
    ['a = 1', 3, '"=" at column 3; expected one target only (quote a name with spaces)'],
    ['10.0.0.256', 1, '"10.0.0.256" at column 1; expected an IPv4 address'],
  ])('refuses %j', (text, column, message) => {
    let refusal: unknown;
    try {
      parseTarget(text);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(FilterError);
    expect(refusal).toMatchObject({ column, message });
  });
});
