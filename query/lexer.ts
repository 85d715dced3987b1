/**
 * Text of a filter to tokens.
 *
 * A word runs until white space, a parenthesis, a quote, a comma or one of `= ! ~ < >`. A quoted string, single or
 * double, is always a name; a backslash takes the next character as it is. Operators are tokens already, so that the
 * parser can say what it does not support instead of reading them as names.
 */
import { FilterError } from './filter-error.ts';

export type TokenKind = 'word' | 'string' | 'open' | 'close' | 'comma' | 'operator' | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** As typed; for a string without its quotes and escapes. */
  readonly text: string;
  /** 1-based column of its first character. */
  readonly column: number;
}

/** Longest filter, in characters: what a person types and an URL carries. */
export const filterLengthMax = 4096;

const operators = ['!=', '<=', '>=', '&&', '||', '=', '!', '~', '<', '>'] as const;

const singles: Readonly<Record<string, TokenKind>> = { '(': 'open', ')': 'close', ',': 'comma' };

/** Always ends with a token of kind `end`. Throws FilterError. */
export function tokenize(text: string): Token[] {
  if (text.length > filterLengthMax) {
    throw new FilterError(filterLengthMax + 1, `at most ${filterLengthMax} characters`, 'a longer filter');
  }
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at]!)) {
      at += 1;
      continue;
    }
    const { token, next } = tokenAt(text, at);
    tokens.push(token);
    at = next;
  }
  tokens.push({ kind: 'end', text: '', column: text.length + 1 });
  return tokens;
}

function tokenAt(text: string, at: number): { token: Token; next: number } {
  const character = text[at]!;
  const column = at + 1;
  const single = singles[character];
  if (single !== undefined) return { token: { kind: single, text: character, column }, next: column };
  if (character === '"' || character === "'") return stringAt(text, at);
  const operator = operators.find((candidate) => text.startsWith(candidate, at));
  if (operator !== undefined) {
    return { token: { kind: 'operator', text: operator, column }, next: at + operator.length };
  }
  const word = /^[^\s()"',=!~<>]+/.exec(text.slice(at))![0];
  return { token: { kind: 'word', text: word, column }, next: at + word.length };
}

function stringAt(text: string, at: number): { token: Token; next: number } {
  const quote = text[at]!;
  let value = '';
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === quote) return { token: { kind: 'string', text: value, column: at + 1 }, next: i + 1 };
    if (text[i] === '\\') i += 1;
    value += text[i] ?? '';
  }
  throw new FilterError(text.length + 1, `a closing ${quote}`, 'the end');
}
