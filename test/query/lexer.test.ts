/** Tokens, their columns, and texts that end inside a string. */
import { describe, expect, test } from 'vitest';
import { FilterError } from '../../query/filter-error.ts';
import { filterLengthMax, tokenize } from '../../query/lexer.ts';

describe('tokenize', () => {
  test('tells words, strings, parentheses and operators apart, each with its column', () => {
    expect(tokenize(' a:1 ("b c" != d)')).toEqual([
      { kind: 'word', text: 'a:1', column: 2 },
      { kind: 'open', text: '(', column: 6 },
      { kind: 'string', text: 'b c', column: 7 },
      { kind: 'operator', text: '!=', column: 13 },
      { kind: 'word', text: 'd', column: 16 },
      { kind: 'close', text: ')', column: 17 },
      { kind: 'end', text: '', column: 18 },
    ]);
  });

  test('keeps brackets, slashes and colons inside one word', () => {
    expect(tokenize('[fd00::1]:443 10.0.0.0/8').map((token) => token.text)).toEqual([
      '[fd00::1]:443',
      '10.0.0.0/8',
      '',
    ]);
  });

  test('takes escapes in strings as they are', () => {
    expect(tokenize(String.raw`"a\"b\\c" 'd"e'`).map((token) => token.text)).toEqual(['a"b\\c', 'd"e', '']);
  });

  test('a string without its end is an error at the end of the text', () => {
    const error = failureOf(() => tokenize('web "abc'));
    expect(error.column).toBe(9);
    expect(error.message).toBe('the end at column 9; expected a closing "');
  });

  test('a text beyond the limit is refused', () => {
    const error = failureOf(() => tokenize('a'.repeat(filterLengthMax + 1)));
    expect(error.column).toBe(filterLengthMax + 1);
    expect(error.expected).toBe('at most 4096 characters');
  });
});

function failureOf(run: () => unknown): FilterError {
  try {
    run();
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}
