/**
 * Tokens to the syntax tree, by recursive descent:
 *
 *   filter  = [ or ]
 *   or      = and { "or" and }
 *   and     = unary { [ "and" ] unary }
 *   unary   = "not" unary | "(" or ")" | word | string
 *
 * Keywords are understood in any case. Fields, operators, `to`, `src` and the like belong to the language but are not
 * built yet: they are refused by name, and never read as a term that matches something else.
 */
import { FilterError, quoted } from './filter-error.ts';
import { type Token, tokenize } from './lexer.ts';
import { everything, type Filter, reservedWords } from './syntax.ts';
import { parseTerm, termForms } from './term.ts';

/** How deep parentheses and `not` nest: far above what people write, far below what the stack holds. */
export const filterDepthMax = 64;

const keywords = ['and', 'or', 'not'] as const;
type Keyword = (typeof keywords)[number];

/** Reads a filter; the empty text is the filter `all`. Throws FilterError, and nothing else, on any other text. */
export function parseFilter(text: string): Filter {
  const parser = new Parser(tokenize(text));
  return parser.filter();
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  filter(): Filter {
    if (this.#peek().kind === 'end') return everything;
    const filter = this.#or();
    const rest = this.#peek();
    if (rest.kind !== 'end') throw unexpected(rest, '"and", "or" or the end');
    return filter;
  }

  #or(): Filter {
    const operands = [this.#and()];
    while (this.#keyword() === 'or') {
      this.#next += 1;
      operands.push(this.#and());
    }
    return joined('or', operands);
  }

  #and(): Filter {
    const operands = [this.#unary()];
    for (;;) {
      const keyword = this.#keyword();
      if (keyword === 'and') this.#next += 1;
      else if (keyword === 'or' || !startsUnary(this.#peek())) return joined('and', operands);
      operands.push(this.#unary());
    }
  }

  #unary(): Filter {
    const token = this.#peek();
    this.#depth += 1;
    if (this.#depth > filterDepthMax)
      throw unexpected(token, `at most ${filterDepthMax} levels of "(" and "not"`);
    const filter = this.#operand(token);
    this.#depth -= 1;
    return filter;
  }

  #operand(token: Token): Filter {
    if (this.#keyword() === 'not') {
      this.#next += 1;
      return { kind: 'not', operand: this.#unary() };
    }
    if (token.kind === 'open') {
      this.#next += 1;
      const inner = this.#or();
      const close = this.#peek();
      if (close.kind !== 'close') throw unexpected(close, '"and", "or" or a closing parenthesis');
      this.#next += 1;
      return inner;
    }
    if ((token.kind !== 'word' && token.kind !== 'string') || this.#keyword() !== null) {
      throw unexpected(token, `a term: ${termForms}`);
    }
    this.#refuseField(token);
    this.#next += 1;
    return { kind: 'term', term: parseTerm(token) };
  }

  /** Refuses `server.port = 1`, `port in (1, 2)`, `src 10.0.0.0/8` and the like. */
  #refuseField(token: Token): void {
    const follower = this.#tokens[this.#next + 1]!;
    const isField =
      follower.kind === 'operator' ||
      (follower.kind === 'word' && follower.text.toLowerCase() === 'in') ||
      (token.kind === 'word' && (isSided(token.text) || reservedWords.has(token.text.toLowerCase())));
    if (isField) {
      throw new FilterError(token.column, termForms, `fields are not supported yet: ${quoted(token.text)}`);
    }
  }

  #peek(): Token {
    return this.#tokens[this.#next]!;
  }

  #keyword(): Keyword | null {
    const token = this.#peek();
    if (token.kind !== 'word') return null;
    return keywords.find((keyword) => keyword === token.text.toLowerCase()) ?? null;
  }
}

function startsUnary(token: Token): boolean {
  return token.kind === 'word' || token.kind === 'string' || token.kind === 'open';
}

const fieldNames =
  'ip port host service process exe pid user uid container unit pod namespace realm netns'.split(' ');

/** `client.port` is a field; `server.example.org` is a name. */
function isSided(word: string): boolean {
  const match = /^(?:client|server|to|from)\.(.+)$/i.exec(word);
  if (match === null) return false;
  return fieldNames.includes(match[1]!.toLowerCase()) || /^label\../i.test(match[1]!);
}

function joined(kind: 'and' | 'or', operands: readonly Filter[]): Filter {
  if (operands.length === 1) return operands[0]!;
  return {
    kind,
    operands: operands.flatMap((operand) => (operand.kind === kind ? operand.operands : [operand])),
  };
}

function unexpected(token: Token, expected: string): FilterError {
  return new FilterError(token.column, expected, token.kind === 'end' ? 'the end' : quoted(token.text));
}
