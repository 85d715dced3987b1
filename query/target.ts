/** The TARGET of `to` and the SOURCE of `from`: one term of the filter language, of one side. */
import { FilterError, quoted } from './filter-error.ts';
import { tokenize } from './lexer.ts';
import type { Term } from './syntax.ts';
import { parseTerm, termForms } from './term.ts';

/** Reads a target. Throws FilterError when the text is empty, more than one word, or no term. */
export function parseTarget(text: string): Term {
  const [first, second] = tokenize(text);
  if (first!.kind !== 'word' && first!.kind !== 'string') {
    throw new FilterError(first!.column, termForms, first!.kind === 'end' ? 'the end' : quoted(first!.text));
  }
  if (second!.kind !== 'end') {
    throw new FilterError(second!.column, 'one target only (quote a name with spaces)', quoted(second!.text));
  }
  return parseTerm(first!);
}
